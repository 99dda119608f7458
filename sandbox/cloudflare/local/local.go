// Package local keeps web pages away from ports that are for programs of this machine. A
// page that is open in a browser here can send requests to loopback addresses too, and one
// whose name is made to resolve to such an address can even read the answers.
package local

import (
	"fmt"
	"mime"
	"net"
	"net/http"
)

// Only serves a request if it names a loopback address or localhost with the port that it
// arrived at, as clients of this machine do, and if no web page has sent it.
func Only(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !here(r):
			http.Error(w, fmt.Sprintf("the host %q isn't this port: use localhost or the loopback address that it listens on", r.Host), http.StatusMisdirectedRequest)
		case len(r.Header.Values("Origin")) > 0:
			http.Error(w, "requests from web pages (with an Origin header) aren't served here", http.StatusForbidden)
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// JSON refuses bodies that aren't declared as application/json. A web page can send other
// types without asking the server first.
func JSON(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := r.Header.Get("Content-Type")
		if kind, _, err := mime.ParseMediaType(given); r.ContentLength != 0 && (err != nil || kind != "application/json") {
			http.Error(w, fmt.Sprintf("the body's type is %q: send it with the header Content-Type: application/json", given), http.StatusUnsupportedMediaType)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// here reports whether a request's Host is a loopback name of the port that it arrived at.
func here(r *http.Request) bool {
	arrived, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	_, port, err := net.SplitHostPort(arrived.String())
	if err != nil {
		return false
	}
	host, given, err := net.SplitHostPort(r.Host)
	return err == nil && given == port && (host == "localhost" || Loopback(host))
}

// Loopback reports whether a host is written as a loopback address.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
