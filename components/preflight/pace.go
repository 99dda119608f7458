package preflight

const (
	// allowance is how many calls Cloudflare allows a user in five minutes. See
	// https://developers.cloudflare.com/fundamentals/api/reference/limits/
	allowance = 1200
	// window is those five minutes, in seconds.
	window = 300
	// CallsPerName is the most that one command makes for a name, to take over a record that
	// exists: a PATCH changes it, a POST is refused, GETs of the zone and of its records find
	// what is in the way, another PATCH changes it again, and a last GET reads it back.
	CallsPerName = 6
	// fastPace is full speed: the pace, in calls a second, at which answers take longer than the
	// waiting in between.
	fastPace = 25
)

// Pace is how many calls a second to make for a stack with so many names: full speed if one
// command needs at most half of Cloudflare's allowance, so that another one may follow at
// once, and otherwise three quarters of the rate that can be kept up, which leaves the rest
// to whatever else the same user calls Cloudflare for.
func Pace(names int) int {
	if names*CallsPerName <= allowance/2 {
		return fastPace
	}
	return allowance * 3 / 4 / window
}
