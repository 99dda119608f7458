package front

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
)

const (
	loopHeader = "Cdn-Loop"
	loopName   = "cloudflare"
	// maxLoops is how often a request may come back to the front. Cloudflare stops
	// loops too, at a number that it doesn't publish.
	maxLoops = 10
)

// visit is what the front knows about one request.
type visit struct {
	ray    string
	ip     string
	scheme string
	loops  int // how often it was here before
	target target

	encodings string // the visitor's own Accept-Encoding
}

type visitKey struct{}

// visitOf returns the visit of a request that ServeHTTP has accepted.
func visitOf(r *http.Request) *visit {
	return r.Context().Value(visitKey{}).(*visit)
}

func newVisit(r *http.Request) *visit {
	v := &visit{ip: r.RemoteAddr, scheme: "http", loops: loops(r.Header), encodings: r.Header.Get("Accept-Encoding")}
	if ip, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		v.ip = ip
	}
	if r.TLS != nil {
		v.scheme = "https"
	}
	id := make([]byte, 8)
	_, _ = rand.Read(id)                    // never fails
	v.ray = hex.EncodeToString(id) + "-SBX" // the data centre
	return v
}

// loops reads how often a request has passed Cloudflare, from a header such as
// "cloudflare; loops=1, other".
func loops(h http.Header) int {
	for _, cdn := range strings.Split(strings.Join(h.Values(loopHeader), ","), ",") {
		name, params, err := mime.ParseMediaType(cdn)
		if err != nil || name != loopName {
			continue
		}
		if n, err := strconv.Atoi(params["loops"]); err == nil && n > 0 {
			return n
		}
		return 1
	}
	return 0
}

// rewrite turns a visitor's request into the one that an origin behind Cloudflare gets.
func (f *front) rewrite(p *httputil.ProxyRequest) {
	v := visitOf(p.In)
	out := p.Out
	out.URL.Scheme, out.URL.Host = "https", p.In.Host
	if v.target.origin != nil {
		out.URL.Scheme, out.URL.Host = v.target.origin.Scheme, v.target.origin.Host
	}
	out.URL.RawQuery = p.In.URL.RawQuery // as it came, not as the proxy would clean it

	h := out.Header
	// Visitors must not set the headers that the edge and cloudflared exchange.
	maps.DeleteFunc(h, func(name string, _ []string) bool {
		return strings.HasPrefix(name, "Cf-Cloudflared-") || strings.HasPrefix(name, "Cf-Int-")
	})
	if up := h.Get("Upgrade"); up != "" && !strings.EqualFold(up, "websocket") {
		h.Del("Connection")
		h.Del("Upgrade")
	}
	h.Del("Expect") // answered by the front itself, as soon as the body is wanted
	forwarded := v.ip
	if prior := p.In.Header.Values("X-Forwarded-For"); len(prior) > 0 {
		forwarded = strings.Join(prior, ",") + "," + v.ip
	}
	h.Set("X-Forwarded-For", forwarded)
	h.Set("X-Forwarded-Proto", v.scheme)
	h.Set("Cf-Connecting-Ip", v.ip)
	h.Set("Cf-Ipcountry", "XX")
	h.Set("Cf-Ray", v.ray)
	h.Set("Cf-Visitor", fmt.Sprintf(`{"scheme":%q}`, v.scheme))
	h.Set(loopHeader, fmt.Sprintf("%s; loops=%d", loopName, v.loops+1))
	h.Set("Accept-Encoding", acceptedEncodings)
}

// modify turns an origin's response into the one that visitors of Cloudflare get.
func (f *front) modify(resp *http.Response) error {
	v := visitOf(resp.Request)
	resp.Header.Del("Server")
	resp.Header.Del("Cf-Ray") // the front has set both, and these would be added to them
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return nil
	}
	resp.Header.Set("Cf-Cache-Status", "DYNAMIC")
	return v.unpack(resp)
}
