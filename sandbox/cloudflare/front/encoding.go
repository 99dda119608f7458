package front

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
)

// acceptedEncodings is what Cloudflare accepts from every origin, whatever the visitor
// accepts.
const acceptedEncodings = "gzip, br"

var decoders = map[string]func(io.Reader) (io.Reader, error){
	"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	"br":   func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
}

// unpack decodes a body that the visitor's own Accept-Encoding doesn't allow. The
// origin's no-transform forbids it, as it does at Cloudflare.
func (v *visit) unpack(resp *http.Response) error {
	encoding := strings.ToLower(resp.Header.Get("Content-Encoding"))
	decode, ok := decoders[encoding]
	if !ok || accepts(v.encodings, encoding) || resp.Request.Method == http.MethodHead ||
		strings.Contains(resp.Header.Get("Cache-Control"), "no-transform") {
		return nil
	}
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength = -1
	resp.Body = &unpacked{packed: resp.Body, decode: decode}
	return nil
}

// accepts reports whether an Accept-Encoding header allows an encoding.
func accepts(header, encoding string) bool {
	wildcard := false
	for part := range strings.SplitSeq(strings.ToLower(header), ",") {
		name, weight, _ := strings.Cut(part, ";")
		refused := strings.Trim(strings.ReplaceAll(weight, " ", ""), "0.") == "q="
		switch strings.TrimSpace(name) {
		case encoding:
			return !refused
		case "*":
			wildcard = !refused
		}
	}
	return wildcard
}

// unpacked decodes a body as it is read. It doesn't touch the body before the first
// read, so that headers don't wait for it.
type unpacked struct {
	packed io.ReadCloser
	decode func(io.Reader) (io.Reader, error)
	plain  io.Reader
}

func (u *unpacked) Read(p []byte) (int, error) {
	if u.plain == nil {
		var err error
		if u.plain, err = u.decode(u.packed); err != nil {
			return 0, err // io.EOF for the empty body of a 204 or 304
		}
	}
	return u.plain.Read(p)
}

func (u *unpacked) Close() error { return u.packed.Close() }
