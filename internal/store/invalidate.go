package store

import "sync"

// Kind names what an invalidation is about.
type Kind string

// The kinds. KindAll drops everything of every kind.
const (
	KindApp        Kind = "app"
	KindClient     Kind = "client"
	KindUser       Kind = "user"
	KindSession    Kind = "session"
	KindAPIKey     Kind = "api-key"
	KindAppKey     Kind = "app-key"
	KindSigningKey Kind = "signing-key"
	KindResource   Kind = "resource"
	KindToken      Kind = "token" // an access token that was revoked by itself
	KindAll        Kind = "all"
)

// Invalidation says that what a cache holds under ID is not true any more. An empty ID means all of the kind.
type Invalidation struct {
	Kind Kind
	ID   string
}

// Invalidate queues an invalidation: when the transaction has committed, this node drops the entry before Write
// returns, and other nodes within a second. An empty id means all of the kind. A transaction that does not commit
// invalidates nothing.
func (tx *Tx) Invalidate(kind Kind, id string) {
	next := Invalidation{Kind: kind, ID: id}
	for _, q := range tx.queued {
		if q == next {
			return
		}
	}
	tx.queued = append(tx.queued, next)
}

// subscribers are the caches and watchers of a DB.
type subscribers struct {
	mu       sync.RWMutex
	caches   map[Kind][]dropper
	watchers map[int]func(Invalidation)
	next     int
	live     bool // invalidations of other nodes arrive
}

// dropper is a cache as the store sees it.
type dropper interface {
	drop(id string)
	dropAll()
}

func (s *subscribers) init() {
	s.caches = map[Kind][]dropper{}
	s.watchers = map[int]func(Invalidation){}
}

// Watch calls fn for every invalidation, of this node after its Write committed and before that Write returns, of
// other nodes as they arrive. KindAll means that some may have been missed. fn must be quick; it may use Read.
// The function that Watch returns ends the watching.
func (db *DB) Watch(fn func(Invalidation)) (stop func()) {
	s := &db.subs
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.next
	s.next++
	s.watchers[id] = fn
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, id)
	}
}

func (db *DB) subscribe(kind Kind, c dropper) {
	db.subs.mu.Lock()
	defer db.subs.mu.Unlock()
	db.subs.caches[kind] = append(db.subs.caches[kind], c)
}

// drop takes what committed out of this node's caches. It runs before anybody learns of the commit.
func (db *DB) drop(list []Invalidation) {
	if len(list) == 0 {
		return
	}
	db.subs.mu.RLock()
	defer db.subs.mu.RUnlock()
	for _, inv := range list {
		db.subs.drop(inv)
	}
}

func (s *subscribers) drop(inv Invalidation) {
	if inv.Kind == KindAll {
		for _, caches := range s.caches {
			for _, c := range caches {
				c.dropAll()
			}
		}
		return
	}
	for _, c := range s.caches[inv.Kind] {
		if inv.ID == "" {
			c.dropAll()
		} else {
			c.drop(inv.ID)
		}
	}
}

// tell calls the watchers. It runs on the goroutine of the Write's caller, or on the listener's.
func (db *DB) tell(list []Invalidation) {
	if len(list) == 0 {
		return
	}
	db.subs.mu.RLock()
	watchers := make([]func(Invalidation), 0, len(db.subs.watchers))
	for _, w := range db.subs.watchers {
		watchers = append(watchers, w)
	}
	db.subs.mu.RUnlock()
	for _, inv := range list {
		for _, w := range watchers {
			w(inv)
		}
	}
}

// setLive says whether invalidations of other nodes arrive. Caches serve nothing while they do not, and start
// empty when they do again.
func (db *DB) setLive(live bool) {
	all := []Invalidation{{Kind: KindAll}}
	if live {
		// A lookup that began before the silence may have filled an entry since.
		db.drop(all)
	}
	db.subs.mu.Lock()
	db.subs.live = live
	db.subs.mu.Unlock()
	if live {
		db.tell(all)
	} else {
		db.drop(all)
	}
}

func (db *DB) isLive() bool {
	db.subs.mu.RLock()
	defer db.subs.mu.RUnlock()
	return db.subs.live
}
