// Package load sends a steady load through a front while something changes behind it,
// and counts what was lost. For each host it keeps up all the time:
//
//   - 50 requests a second, every other one a POST: nothing on the way can replay
//     those, so each of them needs a connector that completes it;
//   - one request a second whose answer takes 3 seconds;
//   - a download of 20 seconds, a new one every five, compared byte by byte;
//   - one WebSocket, open throughout, with an echo five times a second.
//
// A request has failed if it got no answer, an error, or anything but the right
// body. Nothing is tried again.
//
// A WebSocket lives on one connector and can't outlive it: nothing on the way could
// hand it over, neither here nor at the real Cloudflare, which tells its users to
// expect that. So its end as such counts as a cut, not as a failure. A failure is what
// a client that reconnects would notice: the new socket isn't accepted at once, or an
// echo is wrong or missing on a socket that is open.
//
// The requests come from vegeta, at a rate that doesn't drop when answers slow down.
package load

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"k8s-tunnel/sandbox/pinned"
)

// Rate is the number of requests a second that each host gets.
const Rate = 50

const (
	slowMillis      = 3000
	downloadSeconds = 20
	downloadBytes   = 2_000_000
	// patience is how long a request may take altogether: longer than any answer takes,
	// even on a busy machine.
	patience = 60 * time.Second
)

// Kinds of load, as the report names them.
const (
	KindGet       = "get"
	KindPost      = "post"
	KindSlow      = "slow"
	KindDownload  = "download"
	KindWebSocket = "websocket"
	KindBurst     = "burst"
)

// upload is the body of every POST, and uploadSum its SHA-256, as the app returns it.
var (
	upload    = bytes.Repeat([]byte("all or nothing. "), 64)
	uploadSum = sha256.Sum256(upload)
)

// Generator is a load in progress.
type Generator struct {
	front     string
	hosts     []string
	attackers []*vegeta.Attacker
	leave     context.CancelFunc // ends the WebSockets
	running   sync.WaitGroup

	mu     sync.Mutex
	phases []*Phase
}

// Start begins to load the hosts through the front at an address, as host:port.
// What happens until the first call of Phase belongs to a phase of that name.
func Start(front string, hosts []string, phase string) *Generator {
	ctx, leave := context.WithCancel(context.Background())
	g := &Generator{front: front, hosts: hosts, leave: leave, phases: []*Phase{newPhase(phase, time.Now())}}
	for _, host := range hosts {
		client := newClient(front)
		base := "http://" + host
		g.attack(client, Rate, vegeta.NewStaticTargeter(
			vegeta.Target{Method: http.MethodGet, URL: base + "/api/info"},
			vegeta.Target{Method: http.MethodPost, URL: base + "/echo", Body: upload},
		), judgeRequest)
		g.attack(client, 1, vegeta.NewStaticTargeter(
			vegeta.Target{Method: http.MethodGet, URL: fmt.Sprintf("%s/slow?ms=%d", base, slowMillis)},
		), judgeSlow)
		g.attack(client, 0.2, vegeta.NewStaticTargeter(
			vegeta.Target{Method: http.MethodGet, URL: fmt.Sprintf("%s/download?bytes=%d&seconds=%d", base, downloadBytes, downloadSeconds)},
		), judgeDownload)
		g.running.Go(func() { g.socket(ctx, client, "ws://"+host+"/ws") })
	}
	return g
}

// Burst sends each host a hundred requests within a tenth of a second, and returns when
// all are answered, a third of a second later if all is well. The steady requests use
// connections that are open already along the whole way; these need new ones.
func (g *Generator) Burst() {
	const size, within = 100, 100 * time.Millisecond
	var bursts sync.WaitGroup
	for _, host := range g.hosts {
		attacker := vegeta.NewAttacker(vegeta.Client(newClient(g.front)))
		targets := vegeta.NewStaticTargeter(vegeta.Target{Method: http.MethodGet, URL: "http://" + host + "/slow?ms=300"})
		results := attacker.Attack(targets, vegeta.ConstantPacer{Freq: size, Per: within}, within, "")
		bursts.Go(func() {
			for result := range results {
				result.Error = wrong(result, `"ms": 300`)
				g.count(result, KindBurst)
			}
		})
	}
	bursts.Wait()
}

// newClient reaches the front under every name, through connections of its own.
func newClient(front string) *http.Client {
	transport := pinned.Transport(front)
	transport.MaxIdleConnsPerHost = Rate
	// The client opens spare connections when answers take long. The front hangs up on
	// those that never carry a request, and a POST that gets one in that very moment
	// fails: the client's fault, which must not be counted.
	transport.IdleConnTimeout = 5 * time.Second
	return &http.Client{Timeout: patience, Transport: transport}
}

// judge says which kind of load a result belongs to, and what is wrong with it.
type judge func(*vegeta.Result) (kind, problem string)

// attack keeps up one kind of request, perSecond times a second.
func (g *Generator) attack(client *http.Client, perSecond float64, targets vegeta.Targeter, judge judge) {
	attacker := vegeta.NewAttacker(vegeta.Client(client), vegeta.KeepAlive(true))
	g.attackers = append(g.attackers, attacker)
	pace := vegeta.ConstantPacer{Freq: int(perSecond * 10), Per: 10 * time.Second}
	results := attacker.Attack(targets, pace, 0, "")
	g.running.Go(func() {
		for result := range results {
			kind, problem := judge(result)
			result.Error = problem
			result.Body = nil
			g.count(result, kind)
		}
	})
}

// Phase begins a new phase. A request belongs to the phase in which it began.
func (g *Generator) Phase(name string) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.phases[len(g.phases)-1].Ended = now
	g.phases = append(g.phases, newPhase(name, now))
}

// Stop lets requests in flight finish, which takes up to twenty seconds, and reports.
func (g *Generator) Stop() Report {
	for _, attacker := range g.attackers {
		attacker.Stop()
	}
	now := time.Now()
	g.leave()
	g.running.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.phases[len(g.phases)-1].Ended = now
	return g.phases
}

func (g *Generator) count(result *vegeta.Result, kind string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.at(result.Timestamp).add(result, kind)
}

// at returns the phase that a time belongs to.
func (g *Generator) at(when time.Time) *Phase {
	for i := len(g.phases) - 1; i > 0; i-- {
		if !when.Before(g.phases[i].Began) {
			return g.phases[i]
		}
	}
	return g.phases[0]
}

func judgeRequest(r *vegeta.Result) (kind, problem string) {
	if r.Method == http.MethodPost {
		return KindPost, wrong(r, hex.EncodeToString(uploadSum[:]))
	}
	return KindGet, wrong(r, `"app":`)
}

func judgeSlow(r *vegeta.Result) (kind, problem string) {
	return KindSlow, wrong(r, fmt.Sprintf(`"ms": %d`, slowMillis))
}

// judgeDownload compares the body with what the app sends: byte i is i modulo 251.
func judgeDownload(r *vegeta.Result) (kind, problem string) {
	if problem := wrong(r, ""); problem != "" {
		return KindDownload, fmt.Sprintf("%s (after %d bytes)", problem, len(r.Body))
	}
	if len(r.Body) != downloadBytes {
		return KindDownload, fmt.Sprintf("%d bytes instead of %d", len(r.Body), downloadBytes)
	}
	for i, b := range r.Body {
		if b != byte(i%251) {
			return KindDownload, fmt.Sprintf("wrong byte at %d", i)
		}
	}
	return KindDownload, ""
}

// wrong says what is wrong with an answer that should be a 200 containing a text.
func wrong(r *vegeta.Result, want string) string {
	switch {
	case r.Code != 0 && r.Code != http.StatusOK:
		return fmt.Sprintf("%d %s", r.Code, bytes.TrimSpace(r.Body[:min(len(r.Body), 60)]))
	case r.Error != "":
		return r.Error
	case !bytes.Contains(r.Body, []byte(want)):
		return fmt.Sprintf("an answer that isn't the app's: %.60q", r.Body)
	}
	return ""
}
