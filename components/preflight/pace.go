package preflight

const (
	// allowance is how many calls Cloudflare allows a user in five minutes. See
	// https://developers.cloudflare.com/fundamentals/api/reference/limits/
	allowance = 1200
	// window is those five minutes, in seconds.
	window = 300
	// hookCalls are the program's own for a record that exists, to take it over before the
	// provider: a GET and a PATCH. providerCalls are then the provider's: a POST is refused,
	// GETs of the zone and of its records find what is in the way, a PATCH changes it again,
	// and a GET reads it back.
	hookCalls, providerCalls = 2, 5
	// CallsPerName is the most that one command makes for a name.
	CallsPerName = hookCalls + providerCalls
	// fastPace is full speed: the pace, in calls a second, at which answers take longer than the
	// waiting in between.
	fastPace = 25
	// fastNames is how many names are made at full speed. To take them all over, a command needs
	// 700 calls. Usually it is two or three for each name, for which there is room right after.
	fastNames = 100
	// steadyPace is three quarters of the rate that can be kept up, which leaves the rest to
	// whatever else the same user calls Cloudflare for.
	steadyPace = allowance * 3 / 4 / window
)

// Pace is how many calls a second the provider is to make for a stack with so many names.
func Pace(names int) int {
	if names <= fastNames {
		return fastPace
	}
	return steadyPace
}

// takeOverPace is how many calls a second to make for [Client.TakeOver], beside a provider of
// this pace. With that for many names, both together stay below Cloudflare's allowance.
func takeOverPace(provider int) float64 {
	if provider > allowance/window {
		return float64(provider) // which can't be kept up for long in any case
	}
	return float64(provider) / 4
}
