//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/api"
)

// page is an answer that isn't JSON, as from a proxy on the way.
const page = "<!DOCTYPE html><title>Sign in</title>"

// disturbances are the ways in which Cloudflare may fail to answer a call.
var disturbances = []struct {
	name  string
	fault api.Fault
}{
	{"429", api.Fault{Status: http.StatusTooManyRequests, RetryAfter: 2}},
	{"500 before", api.Fault{Status: http.StatusInternalServerError}},
	{"500 after", api.Fault{Status: http.StatusInternalServerError, When: api.After}},
	{"cut before", api.Fault{Abort: true}},
	{"cut after", api.Fault{Abort: true, When: api.After}},
	{"page before", api.Fault{Body: page}},
	{"page after", api.Fault{Body: page, When: api.After}},
	{"silence", api.Fault{Delay: api.Duration(30 * time.Second), Abort: true}},
}

// disturbance is a way to fail at a call of an operation, once or for good.
type disturbance struct {
	operation operation
	call      callMoment
	name      string
	fault     api.Fault
	forGood   bool
}

func (d disturbance) String() string {
	if d.forGood {
		return d.name + " for good at " + d.call.String()
	}
	return d.name + " once at " + d.call.String()
}

func (d disturbance) kind() string {
	if d.forGood {
		return d.name + ", for good"
	}
	return d.name + ", once"
}

// faultMatrix lists every disturbance of every call of an operation, in random order.
func (rec recording) faultMatrix(o operation, random *rand.Rand) []disturbance {
	var all []disturbance
	for _, call := range rec.calls {
		for _, d := range disturbances {
			for _, forGood := range []bool{false, true} {
				all = append(all, disturbance{o, call, d.name, d.fault, forGood})
			}
		}
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// disturbed runs an operation while Cloudflare fails to answer one of its calls.
func (s *subject) disturbed(t *testing.T, d disturbance) (result, error) {
	t.Helper()
	s.prepare(t, d.operation)
	if !d.forGood {
		d.fault.Count = 1
	}
	d.call.set(t, d.fault)
	forgetCalls(t)
	r := s.start(t, d.operation.args...)
	err := r.wait(t)
	ended := time.Now()
	require.NoError(t, testWorld.Control().SetFaults(t.Context()))
	if err == nil {
		if err := s.converged(t, d.operation); err != nil {
			return failed, fmt.Errorf("the command succeeds, but: %w\n%s", err, &r.out)
		}
		return atOnce, nil
	}
	problem := d.complaint(t, r, ended)
	if strings.Contains(r.out.String(), tunnelGone) {
		problem = nil // the provider has repeated the call
	} else if !d.forGood && !d.endsCommand() {
		problem = fmt.Errorf("the command fails: %w:\n%s", err, &r.out)
	}
	if _, err := s.pulumi("cancel", "--yes"); err != nil {
		t.Log(err) // there is nothing to cancel, unless the command was killed
	}
	result, again := s.again(t, d.operation)
	if again != nil {
		again = fmt.Errorf("the next run, after the recovery: %w\nThe disturbed one had printed:\n%s", again, &r.out)
	}
	return result, errors.Join(problem, again)
}

// endsCommand reports whether the command may fail although the call failed only once. The provider
// doesn't repeat a call whose answer isn't JSON, and the engine retries only what creates or changes
// something. A record's deletion is repeated if only its answer was lost, and then fails, as the record
// is gone. The next run has to complete the work.
func (d disturbance) endsCommand() bool {
	return d.call.endpoint == deleteRecord && d.fault.When == api.After || d.fault.Body == page && slices.Contains([]endpoint{readTunnel, readRecord, deleteConnections, deleteOldTunnel, deleteRecord}, d.call.endpoint)
}

// complaint returns what is wrong with the end of a command that Cloudflare never answered: it has
// to end within a minute, with an error that says what was being done.
func (d disturbance) complaint(t *testing.T, r *run, ended time.Time) error {
	t.Helper()
	same := slices.DeleteFunc(calls(t), func(call api.Call) bool { return endpointOf(call) != d.call.endpoint })
	if len(same) > d.call.n {
		if took := ended.Sub(same[d.call.n].Time); took > time.Minute+5*time.Second {
			return fmt.Errorf("the command ends only %s after the disturbance began:\n%s", took.Round(time.Second), &r.out)
		}
	}
	subject := "zone|domain"
	switch {
	case strings.Contains(d.call.path, "cfd_tunnel"):
		subject = "(?i)tunnel"
	case strings.Contains(d.call.path, "dns_records"):
		subject = "(?i)record"
	}
	lines := regexp.MustCompile(`(?m)^\s*(error:|\*) .*$`).FindAllString(r.out.String(), -1)
	for _, text := range lines {
		if regexp.MustCompile(subject).MatchString(text) {
			t.Logf("%s:\n%s", d, strings.Join(lines, "\n"))
			return nil
		}
	}
	return fmt.Errorf("no error names the call:\n%s", &r.out)
}
