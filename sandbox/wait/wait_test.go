package wait_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/wait"
)

// record is a test that notes why it was ended.
type record struct {
	testing.TB
	failure string
}

func (r *record) Fatalf(format string, args ...any) {
	r.failure = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestUntil(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ok   func(t testing.TB, looks int) bool
		want string
	}{
		"it comes true":                {func(_ testing.TB, looks int) bool { return looks == 3 }, ""},
		"it doesn't":                   {func(testing.TB, int) bool { return false }, "waited 500ms in vain: the end"},
		"the condition ends the test":  {func(t testing.TB, _ int) bool { t.Fatalf("no such pod"); return false }, "no such pod"},
		"it is true from the start on": {func(testing.TB, int) bool { return true }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, looks, done := &record{TB: t}, 0, make(chan struct{})
			go func() {
				defer close(done)
				wait.Until(r, 500*time.Millisecond, "the end", func() bool { looks++; return test.ok(r, looks) })
			}()
			<-done
			require.Equal(t, test.want, r.failure)
			require.Positive(t, looks)
		})
	}
}
