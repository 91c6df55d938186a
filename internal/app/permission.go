package app

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// maxPermissions bounds those of one role: they travel in tokens.
const maxPermissions = 50

// permitted is what roles may do after a change.
func permitted(before, change map[string][]string) map[string][]string {
	if len(change) == 0 {
		return before
	}
	out := maps.Clone(before)
	if out == nil {
		out = map[string][]string{}
	}
	for role, list := range change {
		if len(list) == 0 {
			delete(out, role)
			continue
		}
		out[role] = slices.Compact(slices.Sorted(slices.Values(list)))
	}
	return out
}

// checkPermissions refuses roles that nobody can have and permissions that are no words.
func checkPermissions(of map[string][]string) error {
	for _, role := range slices.Sorted(maps.Keys(of)) {
		if !auth.Role(role).Valid() && !auth.MemberRole(role).Valid() {
			return invalidSetting("permissions", "there is no role "+role)
		}
		if len(of[role]) > maxPermissions {
			return invalidSetting("permissions."+role, fmt.Sprintf("a role has at most %d", maxPermissions))
		}
		if slices.ContainsFunc(of[role], func(p string) bool { return !auth.ValidScope(p) }) {
			return invalidSetting("permissions."+role, "a permission is 1 to 100 printable ASCII characters without space, quote and backslash")
		}
	}
	return nil
}
