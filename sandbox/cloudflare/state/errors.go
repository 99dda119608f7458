package state

import (
	"errors"
	"fmt"
)

// Errors of the store that a caller tells apart with errors.Is.
var (
	ErrNotFound  = errors.New("not found")
	ErrNameTaken = errors.New("another live tunnel of the account has that name")
	ErrQuota     = errors.New("the zone has as many records as it may have")
)

// Conflict says why a record can't exist beside another one.
type Conflict int

// The conflicts.
const (
	// Identical is a record with the same name, type and content.
	Identical Conflict = iota + 1
	// HostTaken is a CNAME beside an address record or another CNAME.
	HostTaken
	// CNAMETaken is an address record beside a CNAME.
	CNAMETaken
	// Delegated is an address record or CNAME beside NS records.
	Delegated
	// Undelegated is an NS record beside address records or a CNAME.
	Undelegated
)

// ConflictError is why a record was not written.
type ConflictError struct {
	Kind     Conflict
	Existing Record
}

// Error describes the conflict with the record that was there first.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s %s %s is there already", e.Existing.Name, e.Existing.Type, e.Existing.Content)
}

func notFound(kind, id string) error {
	return fmt.Errorf("%s %s: %w", kind, id, ErrNotFound)
}
