package main

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain makes the process trust httptest's certificate the only way that the plugin knows: the
// file that SSL_CERT_FILE names, which is read once. It also hides the caller's own settings.
func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "cloudflare-plugin")
	if err == nil {
		err = prepare(filepath.Join(folder, "ca.pem"))
	}
	code := 1
	if err == nil {
		code = m.Run()
	}
	if err := errors.Join(err, os.RemoveAll(folder)); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func prepare(bundle string) error {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	block := pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	errs := []error{
		os.WriteFile(bundle, pem.EncodeToMemory(&block), 0o600),
		os.Setenv("SSL_CERT_FILE", bundle),
	}
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "CLOUDFLARE_") {
			errs = append(errs, os.Unsetenv(name))
		}
	}
	return errors.Join(errs...)
}

// exchange is a request that a test expects and the answer it gets.
type exchange struct {
	call   string // such as "GET /zones/z1"
	sent   string // JSON that the request's body must equal, unless empty
	status int    // 200 unless set
	result string // the envelope's result, JSON
	info   string // the envelope's result_info, JSON
	fails  string // the envelope's only error, JSON
	always bool   // answers for the rest of the test, any number of times but none
}

// fakeAPI is an API that expects certain requests in a certain order, and records their headers.
type fakeAPI struct {
	server *httptest.Server

	mutex   sync.Mutex
	want    []exchange
	seen    []string
	headers []http.Header
	wrong   []string
}

// newAPI starts an API. At the end of the test all that was expected must have come, and no more.
func newAPI(t *testing.T, want ...exchange) *fakeAPI {
	t.Helper()
	api := &fakeAPI{want: want}
	api.server = httptest.NewTLSServer(api)
	t.Cleanup(func() {
		api.server.Close()
		require.Empty(t, api.wrong, "calls: %s", api.calls())
		require.Empty(t, api.rest(), "missing after %s", api.calls())
	})
	return api
}

func (api *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	call := r.Method + " " + strings.TrimPrefix(r.URL.RequestURI(), "/client/v4")

	api.mutex.Lock()
	defer api.mutex.Unlock()
	api.seen = append(api.seen, call)
	api.headers = append(api.headers, r.Header.Clone())
	answer, err := api.next(call, string(body))
	if err != nil {
		api.wrong = append(api.wrong, err.Error())
		answer = exchange{status: http.StatusTeapot, fails: `{"code":418,"message":"not expected here"}`}
	}

	w.Header().Set("Content-Type", "application/json")
	if answer.status != 0 {
		w.WriteHeader(answer.status)
	}
	fmt.Fprintf(w, `{"success":%t,"errors":[%s],"messages":[],"result":%s,"result_info":%s}`,
		answer.fails == "", answer.fails, orNull(answer.result), orNull(answer.info))
}

// next finds the answer to a call and checks what was sent.
func (api *fakeAPI) next(call, body string) (exchange, error) {
	if len(api.want) > 1 && api.want[0].always && api.want[0].call != call {
		api.want = api.want[1:]
	}
	if len(api.want) == 0 || api.want[0].call != call {
		return exchange{}, fmt.Errorf("unexpected %s", call)
	}
	answer := api.want[0]
	if !answer.always {
		api.want = api.want[1:]
	}
	if answer.sent != "" && canonical(answer.sent) != canonical(body) {
		return exchange{}, fmt.Errorf("%s sent %s, want %s", call, body, answer.sent)
	}
	return answer, nil
}

func (api *fakeAPI) calls() []string {
	api.mutex.Lock()
	defer api.mutex.Unlock()
	return append([]string{}, api.seen...)
}

// rest is what was expected and hasn't come.
func (api *fakeAPI) rest() []string {
	api.mutex.Lock()
	defer api.mutex.Unlock()
	var calls []string
	for _, exchange := range api.want {
		answered := false
		for _, seen := range api.seen {
			answered = answered || exchange.always && seen == exchange.call
		}
		if !answered {
			calls = append(calls, exchange.call)
		}
	}
	return calls
}

// host is what apiHostname is set to.
func (api *fakeAPI) host() string {
	return strings.TrimPrefix(api.server.URL, "https://")
}

// page is the result_info of a list that fits into one page. The client asks for another one where
// anything of this is missing.
func page(entries int) string {
	return fmt.Sprintf(`{"page":1,"per_page":100,"count":%[1]d,"total_count":%[1]d,"total_pages":%[2]d}`,
		entries, min(entries, 1))
}

func orNull(text string) string {
	if text == "" {
		return "null"
	}
	return text
}

// canonical is JSON in one form for all, or the text itself where it isn't JSON.
func canonical(text string) string {
	var value any
	if json.Unmarshal([]byte(text), &value) != nil {
		return text
	}
	data, _ := json.Marshal(value)
	return string(data)
}
