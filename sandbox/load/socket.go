package load

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"
	vegeta "github.com/tsenart/vegeta/v12/lib"
)

const (
	echoEvery = 200 * time.Millisecond
	// echoPatience is how long an echo may take on an open socket.
	echoPatience = 10 * time.Second
)

// socket keeps one WebSocket open until ctx ends, and reconnects at once when it is
// cut.
func (g *Generator) socket(ctx context.Context, client *http.Client, url string) {
	// A limit for the whole exchange would end the socket.
	unlimited := *client
	unlimited.Timeout = 0
	for ctx.Err() == nil {
		began := time.Now()
		err := g.talk(ctx, &unlimited, url)
		if ctx.Err() != nil {
			return
		}
		g.mu.Lock()
		g.at(time.Now()).cut(time.Since(began), err)
		g.mu.Unlock()
	}
}

// talk opens a socket and exchanges messages until it ends, and says why it did.
func (g *Generator) talk(ctx context.Context, client *http.Client, url string) error {
	opening, cancel := context.WithTimeout(ctx, echoPatience)
	defer cancel()
	began := time.Now()
	conn, _, err := websocket.Dial(opening, url, &websocket.DialOptions{HTTPClient: client}) //nolint:bodyclose // the connection is the body
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the load has ended
	}
	if err != nil {
		g.spoke(began, fmt.Sprintf("opening: %v", err))
		time.Sleep(echoEvery) // as any client would that isn't let in
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	for n := 0; ; n++ {
		began = time.Now()
		if err := echo(ctx, conn, fmt.Sprintf("%d", n)); err != nil {
			if ctx.Err() == nil && time.Since(began) >= echoPatience {
				g.spoke(began, "no echo on an open socket")
			}
			return err
		}
		g.spoke(began, "")
		select {
		case <-ctx.Done():
			_ = conn.Close(websocket.StatusNormalClosure, "")
			return nil
		case <-time.After(time.Until(began.Add(echoEvery))):
		}
	}
}

func echo(ctx context.Context, conn *websocket.Conn, message string) error {
	ctx, cancel := context.WithTimeout(ctx, echoPatience)
	defer cancel()
	if err := conn.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
		return err
	}
	_, back, err := conn.Read(ctx)
	if err == nil && string(back) != message {
		err = fmt.Errorf("echo of %q is %q", message, back)
	}
	return err
}

// spoke counts one exchange on a socket.
func (g *Generator) spoke(began time.Time, problem string) {
	code := uint16(http.StatusOK)
	if problem != "" {
		code = 0
	}
	g.count(&vegeta.Result{Timestamp: began, Latency: time.Since(began), Code: code, Error: problem}, KindWebSocket)
}
