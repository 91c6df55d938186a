package cli

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// releaseProgram gives back the pages of the program that only its start has read: reading documents, registering types,
// migrating. The system maps the neighbours of every page that is touched, so two thirds of the program are resident by then
// and hardly any of it is needed to serve. The pages are clean: what is wanted again is mapped again from the file's
// cache. Nothing depends on it, so what goes wrong is left.
func releaseProgram() {
	own, err := os.Executable()
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		if start, length, ok := readOnlyPart(lines.Text(), own); ok {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, start, length, syscall.MADV_DONTNEED)
		}
	}
}

// readOnlyPart reads a line of /proc/self/maps: `start-end perms offset device inode path`. ok is false for whatever is not
// a part of the program that nothing can have written to, for of such a part this call would lose what was written.
func readOnlyPart(line, program string) (start, length uintptr, ok bool) {
	fields := strings.Fields(line)
	if len(fields) != 6 || fields[5] != program || len(fields[1]) != 4 || strings.Contains(fields[1], "w") || fields[1][3] != 'p' {
		return 0, 0, false
	}
	from, to, _ := strings.Cut(fields[0], "-")
	first, err := strconv.ParseUint(from, 16, 64)
	if err != nil {
		return 0, 0, false
	}
	last, err := strconv.ParseUint(to, 16, 64)
	if err != nil || last <= first {
		return 0, 0, false
	}
	return uintptr(first), uintptr(last - first), true
}
