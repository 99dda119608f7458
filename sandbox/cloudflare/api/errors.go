package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// Error is an answer other than success.
type Error struct {
	Status int
	Errors []Message
}

// Error describes the first error as the clients print it.
func (e *Error) Error() string {
	return fmt.Sprintf("%d: %s (%d)", e.Status, e.Errors[0].Message, e.Errors[0].Code)
}

func failure(status, code int, format string, args ...any) *Error {
	return &Error{Status: status, Errors: []Message{{Code: code, Message: fmt.Sprintf(format, args...)}}}
}

// The codes and texts below are those of the original. Where a status isn't documented
// and no client depends on it, it is the one quoted in public issues; "assumed" marks
// what no source quotes.

// Errors of the gateway, before any product sees the call.

func invalidHeader(code int, header string) *Error {
	return &Error{Status: http.StatusBadRequest, Errors: []Message{{
		Code: 6003, Message: "Invalid request headers",
		Chain: []Message{{Code: code, Message: "Invalid format for " + header + " header"}},
	}}}
}

func missingCredentials() *Error {
	return failure(http.StatusBadRequest, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
}

func unknownKey() *Error {
	return failure(http.StatusForbidden, 9103, "Unknown X-Auth-Key or X-Auth-Email")
}

func invalidToken() *Error {
	return failure(http.StatusForbidden, 9109, "Invalid access token")
}

func invalidTokenToVerify() *Error {
	return failure(http.StatusUnauthorized, 1000, "Invalid API Token")
}

// invalidTokenBelow is for calls below an account or a zone.
func invalidTokenBelow() *Error {
	return failure(http.StatusUnauthorized, 10000, "Authentication error")
}

// unauthorized is for accounts themselves, invalidZone for zones, and noPermission for
// what lies below them. None distinguishes "not allowed" from "doesn't exist".
func unauthorized() *Error {
	return failure(http.StatusForbidden, 9109, "Unauthorized to access requested resource")
}

func invalidZone() *Error {
	return failure(http.StatusForbidden, 9109, "Invalid zone identifier")
}

// mayNotListZones has no code.
func mayNotListZones(tokenID string) *Error {
	return failure(http.StatusForbidden, 0, "Actor 'com.cloudflare.api.token.%s' requires permission 'com.cloudflare.api.account.zone.list' to list zones", tokenID)
}

func noPermission() *Error {
	return failure(http.StatusForbidden, 10000, "Authentication error")
}

// couldNotRoute is for a path that doesn't exist, malformedID for an identifier in one
// that does. The codes are the same, so only the status tells them apart.
func couldNotRoute(path string) *Error { return noRoute(http.StatusNotFound, path) }

func malformedID(path string) *Error { return noRoute(http.StatusBadRequest, path) }

func noRoute(status int, path string) *Error {
	return &Error{Status: status, Errors: []Message{
		{Code: 7003, Message: fmt.Sprintf("Could not route to %s, perhaps your object identifier is invalid?", path)},
		{Code: 7000, Message: "No route for that URI"},
	}}
}

func methodNotAllowed(method string) *Error {
	return failure(http.StatusMethodNotAllowed, 10000, "%s method not allowed for the api_token authentication scheme", method)
}

// Errors of tunnels.

func tunnelNotFound() *Error {
	return failure(http.StatusNotFound, 1003, "Tunnel not found")
}

func tunnelNameTaken() *Error {
	return failure(http.StatusConflict, 1013, "You already have a tunnel with this name. "+
		"Delete the existing tunnel, or choose a different name for your new tunnel")
}

func tunnelInUse() *Error {
	return failure(http.StatusBadRequest, 1022, "This tunnel has active connections. Please stop all cloudflared replicas, "+
		"or wait a few minutes for connections to close, then try again.")
}

func unparsable(err error) *Error {
	return failure(http.StatusBadRequest, 1030, "Could not parse input. Json deserialize error: %v", err)
}

// invalidTunnel's code is assumed; that short secrets are refused is documented.
func invalidTunnel(format string, args ...any) *Error {
	return failure(http.StatusBadRequest, 1001, format, args...)
}

// tokenNeedsEdit is the answer to reading a tunnel's token with only the read
// permission.
func tokenNeedsEdit() *Error {
	return failure(http.StatusUnauthorized, 1001, "Not authorized")
}

func routeRefused(format string, args ...any) *Error {
	return failure(http.StatusBadRequest, 1003, format, args...)
}

// Errors of DNS.

const sameNameHelp = " For more details, refer to <https://developers.cloudflare.com/dns/manage-dns-records/troubleshooting/records-with-same-name/>."

const (
	hostTakenText = "An A, AAAA, or CNAME record with that host already exists."
	delegatedText = "NS records with that host already exist."
)

func badBody() *Error {
	return failure(http.StatusBadRequest, 9207, "Request body is invalid.")
}

func recordNotFound() *Error {
	return failure(http.StatusNotFound, 81044, "Record does not exist.")
}

func invalidRecord(code int, format string, args ...any) *Error {
	return failure(http.StatusBadRequest, code, format, args...)
}

// typeChanged is assumed but for the refusal itself.
func typeChanged(from, to string) *Error {
	return invalidRecord(1004, "DNS Validation Error: a record of type %s can't become one of type %s.", from, strings.ToUpper(to))
}

func recordConflict(kind state.Conflict) *Error {
	switch kind {
	case state.HostTaken:
		return invalidRecord(81053, hostTakenText+sameNameHelp)
	case state.Delegated:
		return invalidRecord(81056, delegatedText+sameNameHelp)
	case state.Undelegated:
		return invalidRecord(81055, "Non-NS records with that host already exist."+sameNameHelp)
	case state.CNAMETaken:
		return invalidRecord(81054, "A CNAME record with that host already exists."+sameNameHelp)
	default:
		return invalidRecord(81058, "An identical record already exists.")
	}
}

const quotaText = "Record quota exceeded."

// asError maps the store's errors to the API's.
func (c *call) asError(err error) *Error {
	var answer *Error
	var conflict *state.ConflictError
	switch {
	case errors.As(err, &answer):
		return answer
	case errors.As(err, &conflict):
		return recordConflict(conflict.Kind)
	case errors.Is(err, state.ErrQuota):
		return invalidRecord(81045, quotaText)
	case errors.Is(err, state.ErrNameTaken):
		return tunnelNameTaken()
	case errors.Is(err, state.ErrNotFound) && c.PathValue("record") != "":
		return recordNotFound()
	case errors.Is(err, state.ErrNotFound):
		return tunnelNotFound()
	}
	c.log.Error("answering", "method", c.Method, "path", c.URL.Path, "error", err)
	return failure(http.StatusInternalServerError, 10001, "Internal server error")
}
