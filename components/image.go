package components

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/distribution/reference"
	"k8s.io/apimachinery/pkg/util/version"
)

// Releases of cloudflared.
const (
	// oldestImage is the first release that finishes requests when its pod stops. 2024.10.0
	// does so as well, but sends POST requests without a body in chunks over QUIC.
	oldestImage = "2024.10.1"
	// oldestWithJSON is the first release with [ConnectorArgs.LogFormat].
	oldestWithJSON = "2025.6.1"
	// oldestWithFed is the first release that knows Access's environment.
	oldestWithFed = "2025.9.0"
	// oldestWithPostQuantumHTTP2 is the first release with [ConnectorArgs.PostQuantum] over
	// HTTP/2. Older ones don't start.
	oldestWithPostQuantumHTTP2 = "2026.5.0"
)

// releaseTag is the tag of one of cloudflared's releases, which are named by date.
var releaseTag = regexp.MustCompile(`^\d{4}\.\d{1,2}\.\d+`)

// release is the tag of the image if that is one of cloudflared's releases, or empty.
func (a *CloudflareTunnelArgs) release() string {
	named, err := reference.ParseNormalizedNamed(a.Image)
	tagged, ok := named.(reference.Tagged)
	if err != nil || !ok || !strings.HasSuffix("/"+reference.Path(named), "/cloudflare/cloudflared") || !releaseTag.MatchString(tagged.Tag()) {
		return ""
	}
	return tagged.Tag()
}

// imageWarnings are about a release of cloudflared that is too old, for any use or for a
// setting, or may be.
func (a *CloudflareTunnelArgs) imageWarnings() []string {
	tag := a.release()
	if tag == "" {
		if a.Connector.PostQuantum && a.Connector.Protocol == "http2" {
			return []string{fmt.Sprintf("connector.postQuantum: over http2 it needs cloudflared %s or later, and image doesn't tell the release; older ones don't start", oldestWithPostQuantumHTTP2)}
		}
		return nil
	}
	var warnings []string
	if isOlder(tag, oldestImage) {
		warnings = append(warnings, fmt.Sprintf("image: %s drops requests when a pod stops, or breaks POST requests without a body; use %s or later, such as %s", tag, oldestImage, DefaultImage))
	}
	if a.Connector.LogFormat == "json" && isOlder(tag, oldestWithJSON) {
		warnings = append(warnings, fmt.Sprintf("connector.logFormat: json needs cloudflared %s or later; image is %s, which logs text", oldestWithJSON, tag))
	}
	for _, d := range a.routing().Destinations() {
		if d.IsFedRAMP() && isOlder(tag, oldestWithFed) {
			warnings = append(warnings, fmt.Sprintf("%s.environment: fed needs cloudflared %s or later; image is %s, which ignores it and refuses everybody", d.Path, oldestWithFed, tag))
		}
	}
	return warnings
}

// isOlder compares releases, which begin with year.month.number.
func isOlder(release, than string) bool {
	parsed, err := version.ParseGeneric(release)
	return err == nil && parsed.LessThan(version.MustParseGeneric(than))
}

func validateImage(path, image string) error {
	named, err := reference.ParseNormalizedNamed(image)
	switch {
	case err != nil && strings.Contains(image, "@"):
		return fmt.Errorf("%s: has an @ without an image before it and a digest after it, as in image@sha256:…; a registry's credentials belong in a Secret of pod.imagePullSecrets", path)
	case err != nil || reference.IsNameOnly(named):
		return fmt.Errorf("%s: %q is not an image reference with a tag or a digest, such as %s", path, image, DefaultImage)
	}
	return nil
}
