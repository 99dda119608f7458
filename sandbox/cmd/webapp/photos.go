package main

import (
	"fmt"
	"net/http"
	"strings"
)

// photo is a picture of the gallery. The pictures are drawn by code, so that the image
// stays small and the repository holds only text.
type photo struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	URL   string `json:"url"`
	// hue sets the colours, and sun the place of the sun.
	hue, sun int
}

// photos lists the gallery.
func photos() []photo {
	titles := []string{"Harbour at six", "First frost", "Up on the ridge", "The long field", "Rain is coming", "Last light"}
	out := make([]photo, 0, len(titles))
	for i, title := range titles {
		name := strings.ToLower(strings.ReplaceAll(title, " ", "-"))
		out = append(out, photo{Name: name, Title: title, URL: "/photos/" + name + ".svg", hue: (20 + 57*i) % 360, sun: 60 + 41*i%200})
	}
	return out
}

func listPhotos(w http.ResponseWriter, _ *http.Request) { writeJSON(w, photos()) }

func servePhoto(w http.ResponseWriter, r *http.Request) {
	for _, p := range photos() {
		if r.PathValue("file") == p.Name+".svg" {
			w.Header().Set("Content-Type", "image/svg+xml")
			w.Header().Set("Cache-Control", "max-age=3600")
			fmt.Fprint(w, p.draw())
			return
		}
	}
	http.NotFound(w, r)
}

// draw paints a sky, a sun and three rows of hills.
func (p photo) draw() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 240">`+
		`<defs><linearGradient id="s" x2="0" y2="1"><stop stop-color="hsl(%d 65%% 40%%)"/><stop offset="1" stop-color="hsl(%d 90%% 82%%)"/></linearGradient></defs>`+
		`<rect width="320" height="240" fill="url(#s)"/><circle cx="%d" cy="%d" r="22" fill="hsl(%d 100%% 92%%)"/>`,
		p.hue, (p.hue+40)%360, p.sun, 60+p.sun/4, (p.hue+50)%360)
	for row := range 3 {
		y := 140 + 32*row
		fmt.Fprintf(&b, `<path d="M0 %d Q %d %d 160 %d T 320 %d V240 H0Z" fill="hsl(%d 45%% %d%%)"/>`,
			y, 40+30*row, y-60+p.sun/8, y-10+6*row, y-20+p.hue%23, p.hue, 34-10*row)
	}
	return b.String() + `</svg>`
}
