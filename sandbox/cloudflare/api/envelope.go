package api

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
)

// envelope wraps every answer. Result is present even when it is null, and Content-Type
// is exactly application/json: the cloudflared command compares the whole value, and
// hides the error's text if it differs.
type envelope struct {
	Result     any         `json:"result"`
	Success    bool        `json:"success"`
	Errors     []Message   `json:"errors"`
	Messages   []Message   `json:"messages"`
	ResultInfo *resultInfo `json:"result_info,omitempty"`
}

// Message is an error or a remark of the API.
type Message struct {
	Code    int       `json:"code"`
	Message string    `json:"message"`
	Chain   []Message `json:"error_chain,omitempty"`
}

// resultInfo describes a page of a list; clients use it to decide whether to ask for
// more. Some lists leave the number of pages to the client.
type resultInfo struct {
	Page       int  `json:"page"`
	PerPage    int  `json:"per_page"`
	Count      int  `json:"count"`
	TotalCount int  `json:"total_count"`
	TotalPages *int `json:"total_pages,omitempty"`
}

// list is a result that is split into pages.
type list[T any] struct {
	items   []T
	perPage int  // when the client asks for none
	most    int  // the most that the client may ask for
	noTotal bool // the answer doesn't say how many pages there are
}

// pager is implemented by list for all element types.
type pager interface {
	page(r *http.Request) (any, *resultInfo)
}

func (l list[T]) page(r *http.Request) (any, *resultInfo) {
	query := r.URL.Query()
	info := &resultInfo{Page: 1, PerPage: l.perPage, TotalCount: len(l.items)}
	if n, err := strconv.Atoi(query.Get("page")); err == nil && n > 0 {
		info.Page = n
	}
	if n, err := strconv.Atoi(query.Get("per_page")); err == nil && n > 0 {
		info.PerPage = min(n, l.most)
	}
	if !l.noTotal {
		pages := (info.TotalCount + info.PerPage - 1) / info.PerPage
		info.TotalPages = &pages
	}
	from := min((info.Page-1)*info.PerPage, info.TotalCount)
	to := min(from+info.PerPage, info.TotalCount)
	info.Count = to - from
	return append([]T{}, l.items[from:to]...), info // never null
}

// remark is a result with a message beside it.
type remark struct {
	result  any
	message Message
}

func writeResult(w http.ResponseWriter, r *http.Request, result any) {
	e := envelope{Result: result, Success: true, Errors: []Message{}, Messages: []Message{}}
	switch result := result.(type) {
	case pager:
		e.Result, e.ResultInfo = result.page(r)
	case remark:
		e.Result, e.Messages = result.result, []Message{result.message}
	}
	writeEnvelope(w, http.StatusOK, e)
}

func writeError(w http.ResponseWriter, err *Error) {
	writeEnvelope(w, err.Status, envelope{Errors: err.Errors, Messages: []Message{}})
}

func writeEnvelope(w http.ResponseWriter, status int, e envelope) {
	data, err := json.Marshal(e)
	if err != nil {
		panic(err) // every result is a plain struct of ours
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cf-Ray", rayID())
	w.WriteHeader(status)
	_, _ = w.Write(data)
}

func rayID() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:]) + "-SBX"
}

// buffer holds an answer back until it is known that the client is to see it.
type buffer struct {
	header http.Header
	status int
	body   bytes.Buffer
	abort  bool // break the connection instead
}

func newBuffer() *buffer { return &buffer{header: http.Header{}} }

func (b *buffer) Header() http.Header         { return b.header }
func (b *buffer) WriteHeader(status int)      { b.status = status }
func (b *buffer) Write(p []byte) (int, error) { return b.body.Write(p) }

func (b *buffer) copyTo(w http.ResponseWriter) {
	maps.Copy(w.Header(), b.header)
	w.WriteHeader(b.status)
	_, _ = w.Write(b.body.Bytes())
}

// failed returns the errors in a finished answer.
func (b *buffer) failed() []Message {
	var e envelope
	if b.status < http.StatusBadRequest || json.Unmarshal(b.body.Bytes(), &e) != nil {
		return nil
	}
	return e.Errors
}
