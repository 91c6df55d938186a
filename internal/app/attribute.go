package app

import (
	"maps"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// AttributeChange is what to change of the attributes that an app declares. What users have of an attribute that is declared no more
// stays as it is and cannot be written.
type AttributeChange struct {
	Reset bool                           // to those that every new app declares
	Rules map[string]*auth.AttributeRule // nil: it is declared no more
}

func (c AttributeChange) apply(s *auth.AppSettings) {
	if c.Reset {
		s.Attributes = auth.DefaultAttributes()
	}
	if len(c.Rules) == 0 {
		return
	}
	next := maps.Clone(s.Attributes)
	if next == nil {
		next = map[string]auth.AttributeRule{}
	}
	for name, rule := range c.Rules {
		if rule == nil {
			delete(next, name)
		} else {
			next[name] = *rule
		}
	}
	s.Attributes = next
}
