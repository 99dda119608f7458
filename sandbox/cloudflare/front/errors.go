package front

import (
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
)

// Statuses that only Cloudflare uses.
const (
	statusUnreachable = 522 // the origin doesn't answer
	statusOrigin      = 530 // a 1xxx code says what is wrong
)

// Codes that Cloudflare documents among its 1xxx errors.
const (
	codeLoop         = 1000 // the name leads back to Cloudflare
	codeDirectAccess = 1003 // an address instead of a name
	codeCrossAccount = 1014 // the record leads into another account
	codeUnresolved   = 1016 // the origin's name doesn't resolve
	codeNoConnector  = 1033 // the tunnel has no connector
)

var titles = map[int]string{
	http.StatusBadRequest: "Bad request",
	http.StatusBadGateway: "Bad gateway",
	statusUnreachable:     "Connection timed out",
	codeLoop:              "DNS points to prohibited IP",
	codeDirectAccess:      "Direct IP access not allowed",
	codeCrossAccount:      "CNAME Cross-User Banned",
	codeUnresolved:        "Origin DNS error",
	codeNoConnector:       "Cloudflare Tunnel error",
}

var hints = map[int]string{
	http.StatusBadGateway: "A connector took the request and got no answer from the service behind it, or was lost on the way.",
	statusUnreachable:     "The record points at a server that can't be reached from here.",
	codeLoop:              "The request has come back too often: its origin leads to this name again.",
	codeDirectAccess:      "Ask for the name of a site instead.",
	codeCrossAccount:      "The record points at a tunnel, or at a name, of another account than its zone's.",
	codeUnresolved:        "There is no proxied record for this name in an active zone, or it points at a tunnel or a host that doesn't exist.",
	codeNoConnector:       "The tunnel exists, and none of its connectors is connected.",
}

var page = template.Must(template.New("error").Parse(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="UTF-8"><title>{{.Host}} | {{.Code}}: {{.Title}}</title></head>
<body style="font-family: sans-serif; max-width: 40em; margin: 4em auto">
<h1>Error {{.Code}}</h1>
<h2>{{.Title}}</h2>
<p>{{.Hint}}</p>
<p>Host: {{.Host}}. Ray ID: {{.Ray}}. {{.Time}}. Answered by the sandbox's front, not by Cloudflare.</p>
</body>
</html>
`))

// answer writes one of the front's own errors. If code is zero, the status is the code.
func (v *visit) answer(w http.ResponseWriter, r *http.Request, status, code int) {
	if code == 0 {
		code = status
	}
	h := w.Header()
	h.Set("Cache-Control", "private, max-age=0, no-store, no-cache, must-revalidate, post-check=0, pre-check=0")
	h.Set("Expires", "Thu, 01 Jan 1970 00:00:01 GMT")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		h.Set("Content-Type", "text/plain; charset=UTF-8")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "error code: %d", code)
		return
	}
	h.Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(status)
	_ = page.Execute(w, map[string]any{
		"Code": code, "Title": titles[code], "Hint": hints[code], "Host": hostName(r.Host),
		"Ray": strings.SplitN(v.ray, "-", 2)[0], "Time": time.Now().UTC().Format(time.RFC1123),
	})
}
