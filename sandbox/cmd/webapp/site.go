package main

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:embed pages
var pages embed.FS

// site is one of the two apps.
type site struct {
	app       string
	page      *template.Template
	pod, node string
	started   time.Time
	// ending is done when the server is told to stop: endless streams stop then, and
	// readiness fails.
	ending context.Context
	end    context.CancelFunc
	// sockets counts open WebSockets.
	sockets sync.WaitGroup
}

func newSite(app string) (*site, error) {
	if app != "hello" && app != "photos" {
		return nil, fmt.Errorf("there is no app %q, only hello and photos", app)
	}
	page, err := template.ParseFS(pages, "pages/layout.html", "pages/"+app+".html")
	if err != nil {
		return nil, fmt.Errorf("parsing page: %w", err)
	}
	s := &site{app: app, page: page, pod: os.Getenv("POD_NAME"), node: os.Getenv("NODE_NAME"), started: time.Now()}
	if s.pod == "" {
		s.pod, _ = os.Hostname()
	}
	s.ending, s.end = context.WithCancel(context.Background())
	return s, nil
}

// handler routes both apps' pages and the paths that tests use.
func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.index)
	mux.HandleFunc("GET /api/info", s.info)
	if s.app == "photos" {
		mux.HandleFunc("GET /api/photos", listPhotos)
		mux.HandleFunc("GET /photos/{file}", servePhoto)
	}
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("/slow", s.slow)
	mux.HandleFunc("GET /download", download)
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("GET /ws", s.websocket)
	mux.HandleFunc("/trailers", trailers)
	mux.HandleFunc("/status", status)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Pod", s.pod)
		mux.ServeHTTP(w, r)
	})
}

// visit is what the site knows about a request and shows to its sender.
type visit struct {
	App      string            `json:"app"`
	Pod      string            `json:"pod"`
	Node     string            `json:"node,omitempty"`
	Host     string            `json:"host"`
	Method   string            `json:"method"`
	Path     string            `json:"path"`
	Protocol string            `json:"protocol"`
	Client   string            `json:"client"`
	Remote   string            `json:"remote"`
	Uptime   string            `json:"uptime"`
	Headers  map[string]string `json:"headers"`
	Photos   []photo           `json:"-"`
}

func (s *site) visit(r *http.Request) visit {
	v := visit{
		App: s.app, Pod: s.pod, Node: s.node, Host: r.Host, Method: r.Method, Path: r.URL.RequestURI(), Protocol: r.Proto,
		Client: r.Header.Get("Cf-Connecting-Ip"), Remote: r.RemoteAddr,
		Uptime: time.Since(s.started).Round(time.Second).String(), Headers: map[string]string{}, Photos: photos(),
	}
	for name, values := range r.Header {
		v.Headers[name] = strings.Join(values, ", ")
	}
	return v
}

// Edge returns the headers that a request gets on its way through the tunnel, sorted.
func (v visit) Edge() [][2]string {
	var out [][2]string
	for name, value := range v.Headers {
		if strings.HasPrefix(name, "Cf-") || strings.HasPrefix(name, "X-Forwarded-") || name == "Cdn-Loop" {
			out = append(out, [2]string{name, value})
		}
	}
	slices.SortFunc(out, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return out
}

func (s *site) index(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	// The only failure here is a client that left.
	_ = s.page.ExecuteTemplate(w, "layout", s.visit(r))
}

func (s *site) info(w http.ResponseWriter, r *http.Request) { writeJSON(w, s.visit(r)) }

// health fails as soon as the server is told to stop, so that it gets no more requests.
func (s *site) health(w http.ResponseWriter, _ *http.Request) {
	if s.ending.Err() != nil {
		http.Error(w, "ending", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(v)
}
