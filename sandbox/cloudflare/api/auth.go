package api

import (
	"regexp"
	"strings"

	"k8s-tunnel/sandbox/cloudflare/state"
)

var (
	// tokenForm is the form of a token: 40 characters, or the same between a prefix
	// and a checksum. keyForm is that of a global key, which people often use by
	// mistake, old and new.
	tokenForm = regexp.MustCompile(`^[A-Za-z0-9_-]{40,80}$`)
	keyForm   = regexp.MustCompile(`^([0-9a-f]{37}|cfk_[A-Za-z0-9_-]{40,76})$`)
	idForm    = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// below matches the paths of what belongs to an account or a zone.
var below = regexp.MustCompile(`^` + BasePath + `/(accounts|zones)/[^/]+/.`)

// accountTokenPrefix begins the tokens that belong to an account instead of a user.
const accountTokenPrefix = "cfat_"

// authenticate finds the token of a call.
func (c *call) authenticate() *Error {
	verifying := c.URL.Path == BasePath+"/user/tokens/verify"
	header := c.Header.Get("Authorization")
	if header == "" {
		switch key := c.Header.Get("X-Auth-Key"); {
		case verifying:
			return failure(400, 1001, `Missing "Authorization" header`)
		case key == "":
			return missingCredentials()
		case !keyForm.MatchString(key):
			return invalidHeader(6103, "X-Auth-Key")
		default:
			return unknownKey()
		}
	}
	value, bearer := strings.CutPrefix(header, "Bearer ")
	if !bearer || !tokenForm.MatchString(value) || keyForm.MatchString(value) {
		return invalidHeader(6111, "Authorization")
	}
	token, known := c.store.Token(value)
	known = known && !token.Withdrawn
	switch {
	case verifying && (!known || strings.HasPrefix(value, accountTokenPrefix)):
		return invalidTokenToVerify()
	case !known && below.MatchString(c.URL.Path):
		return invalidTokenBelow()
	case !known:
		return invalidToken()
	}
	c.token = token
	return nil
}

// verifyToken answers GET /user/tokens/verify, which knows users' tokens only.
func (c *call) verifyToken() (any, error) {
	return remark{
		result: struct {
			ID     string `json:"id"`
			Status string `json:"status"`
		}{c.token.ID, "active"},
		message: Message{Code: 10000, Message: "This API Token is valid and active"},
	}, nil
}

// accountWith returns the path's account if the token has the permission on it.
func (c *call) accountWith(permission state.Permission, refusal *Error) (state.Account, error) {
	id := c.PathValue("account")
	if !idForm.MatchString(id) {
		return state.Account{}, malformedID(c.URL.Path)
	}
	account, ok := c.store.Account(id)
	if !ok || !c.token.OnAccount(permission, id) {
		return state.Account{}, refusal
	}
	return account, nil
}

// zoneWith returns the path's zone if the token has the permission on it.
func (c *call) zoneWith(permission state.Permission, refusal *Error) (state.Zone, error) {
	id := c.PathValue("zone")
	if !idForm.MatchString(id) {
		return state.Zone{}, malformedID(c.URL.Path)
	}
	zone, ok := c.store.Zone(id)
	if !ok || !c.token.OnZone(permission, zone) {
		return state.Zone{}, refusal
	}
	return zone, nil
}
