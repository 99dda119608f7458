//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// terminal is one that a command believes to be operated by a person.
type terminal struct {
	master *os.File
	done   chan error

	mu     sync.Mutex
	output bytes.Buffer
	seen   int // how much of the output has been waited for
}

// startInTerminal starts a command that asks questions.
func startInTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 200}))
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	defer slave.Close()

	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, cmd.Start())
	term := &terminal{master: master, done: make(chan error, 1)}
	go term.read()
	go func() { term.done <- cmd.Wait() }()
	return term
}

func (t *terminal) read() {
	for buffer := make([]byte, 4096); ; {
		n, err := t.master.Read(buffer)
		t.mu.Lock()
		t.output.Write(buffer[:n])
		t.mu.Unlock()
		if err != nil {
			return // the command has ended
		}
	}
}

// answer waits for a question and types the answer, with Enter.
func (t *terminal) answer(tb testing.TB, question, answer string) {
	tb.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		t.mu.Lock()
		news := t.output.String()[t.seen:]
		at := strings.Index(news, question)
		if at >= 0 {
			t.seen += at + len(question)
		}
		t.mu.Unlock()
		if at >= 0 {
			break
		}
		require.True(tb, time.Now().Before(deadline), "no question %q in:\n%s", question, news)
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(200 * time.Millisecond) // until the question's own echo mode is set
	_, err := t.master.WriteString(answer + "\r")
	require.NoError(tb, err)
}

// wait waits for the command's end and returns all that it has printed.
func (t *terminal) wait(tb testing.TB) string {
	tb.Helper()
	var err error
	select {
	case err = <-t.done:
	case <-time.After(5 * time.Minute):
		tb.Fatalf("the command doesn't end:\n%s", t.text())
	}
	require.NoError(tb, err, t.text())
	return t.text()
}

func (t *terminal) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.output.String()
}
