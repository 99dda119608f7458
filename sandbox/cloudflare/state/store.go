package state

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// lockTimeout is how long Open waits for another process to release the file.
const lockTimeout = 2 * time.Second

// Store holds everything that survives a restart. Reads are answered from memory, since
// the front needs one for every request; a write is on disk before it is visible. All
// methods may be called concurrently. Slices inside returned values are shared and must
// not be changed.
type Store struct {
	db *bbolt.DB

	mu       sync.RWMutex
	accounts table[Account]
	zones    table[Zone]
	tokens   table[Token]
	tunnels  table[Tunnel]
	records  table[Record]
	origins  table[origin]

	names names // the records by zone and name, with their recent past
	lag   time.Duration

	now  func() time.Time
	coin func() bool // whether a request still sees the old state
}

// Open opens the store in file, creating it and its directory if missing. Only one
// process can have it open.
func Open(file string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("making the store's directory: %w", err)
	}
	db, err := bbolt.Open(file, 0o600, &bbolt.Options{Timeout: lockTimeout})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("opening store %s: another process has it open: %w", file, err)
	}
	if err != nil {
		return nil, fmt.Errorf("opening store %s: %w", file, err)
	}
	s := &Store{
		db:       db,
		accounts: newTable("accounts", func(a Account) string { return a.ID }),
		zones:    newTable("zones", func(z Zone) string { return z.ID }),
		tokens:   newTable("tokens", func(t Token) string { return t.Value }),
		tunnels:  newTable("tunnels", func(t Tunnel) string { return t.ID.String() }),
		records:  newTable("records", func(r Record) string { return r.ID }),
		origins:  newTable("origins", func(o origin) string { return o.Content }),
		names:    names{},
		now:      func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }, // as precise as the original
		coin:     func() bool { return mrand.IntN(2) == 0 },
	}
	if err := s.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("reading store %s: %w", file, err), db.Close())
	}
	for id, z := range s.zones.rows {
		z.Status = cmp.Or(z.Status, ZoneActive) // a file from before zones had one
		s.zones.rows[id] = z
	}
	for _, r := range s.records.rows {
		s.names.set(r.ZoneID, r.Name, s.recordsAt(r.ZoneID, r.Name))
	}
	return s, nil
}

// Close releases the file.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}

func (s *Store) load() error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		for _, load := range []func(*bbolt.Tx) error{
			s.accounts.load, s.zones.load, s.tokens.load, s.tunnels.load, s.records.load, s.origins.load,
		} {
			if err := load(tx); err != nil {
				return err
			}
		}
		return nil
	})
}

// write is one row to be stored, or to be removed when value is nil; apply does
// the same to the rows in memory.
type write struct {
	bucket, key string
	value       any
	apply       func()
}

// commit writes everything or nothing, to disk first and then to memory. s.mu must be
// held.
func (s *Store) commit(doing string, writes ...write) error {
	if len(writes) == 0 {
		return nil
	}
	if err := s.persist(writes); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	for _, w := range writes {
		w.apply()
	}
	return nil
}

func (s *Store) persist(writes []write) error {
	if s.db == nil {
		return nil // it is a draft
	}
	return s.db.Update(func(tx *bbolt.Tx) error {
		for _, w := range writes {
			bucket := tx.Bucket([]byte(w.bucket))
			if w.value == nil {
				if err := bucket.Delete([]byte(w.key)); err != nil {
					return err
				}
				continue
			}
			data, err := json.Marshal(w.value)
			if err != nil {
				return err
			}
			if err := bucket.Put([]byte(w.key), data); err != nil {
				return err
			}
		}
		return nil
	})
}

// table is the rows of one bucket, in memory.
type table[V any] struct {
	bucket string
	key    func(V) string
	rows   map[string]V
}

func newTable[V any](bucket string, key func(V) string) table[V] {
	return table[V]{bucket: bucket, key: key, rows: map[string]V{}}
}

func (t table[V]) load(tx *bbolt.Tx) error {
	bucket, err := tx.CreateBucketIfNotExists([]byte(t.bucket))
	if err != nil {
		return fmt.Errorf("making bucket %s: %w", t.bucket, err)
	}
	return bucket.ForEach(func(k, data []byte) error {
		var v V
		if err := json.Unmarshal(data, &v); err != nil {
			return fmt.Errorf("row %s of %s: %w", k, t.bucket, err)
		}
		t.rows[t.key(v)] = v
		return nil
	})
}

func (t table[V]) put(v V) write {
	k := t.key(v)
	return write{bucket: t.bucket, key: k, value: v, apply: func() { t.rows[k] = v }}
}

func (t table[V]) drop(k string) write {
	return write{bucket: t.bucket, key: k, apply: func() { delete(t.rows, k) }}
}

// newID makes an identifier like Cloudflare's: 32 hexadecimal digits.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
