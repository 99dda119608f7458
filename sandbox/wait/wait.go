// Package wait has tests wait for what takes a moment to come true.
package wait

import (
	"testing"
	"time"
)

// interval is how long Until waits before it looks again.
const interval = 200 * time.Millisecond

// Until waits for a condition, and ends the test if it hasn't come true in the given time. Other than
// with require.Eventually, the condition runs in the caller's goroutine, so that it may end the test too:
// what it requires is reported then, at once.
func Until(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	for began := time.Now(); !ok(); time.Sleep(interval) {
		if time.Since(began) >= within {
			t.Fatalf("waited %s in vain: %s", within, what)
		}
	}
}
