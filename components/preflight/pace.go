package preflight

const (
	// allowance is how many calls Cloudflare allows a user in five minutes. See
	// https://developers.cloudflare.com/fundamentals/api/reference/limits/
	allowance = 1200
	// window is those five minutes, in seconds.
	window = 300
	// CallsPerName is the most that one command makes for a name: it reads the record,
	// fails to create it because it exists, and finds and overwrites it.
	CallsPerName = 6
	// fastPace is the pace, in calls a second, at which answers take longer than the
	// waiting in between.
	fastPace = 25
)

// Pace is how many calls a second to make for a stack with so many names: many if a
// whole command needs no more than half of Cloudflare's allowance, so that another one
// may follow at once, and otherwise as many as can be made without an end, less a quarter for
// whatever else the same user calls Cloudflare for.
func Pace(names int) int {
	if names*CallsPerName <= allowance/2 {
		return fastPace
	}
	return allowance * 3 / 4 / window
}
