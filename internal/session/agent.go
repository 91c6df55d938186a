package session

import (
	"github.com/mileusna/useragent"
)

// Agent is what a user agent says about the device, for lists only: it proves nothing. What it does not say is empty.
type Agent struct {
	Kind     string // mobile, tablet, desktop, bot or unknown
	Browser  string
	Version  string // of the browser
	Platform string // the make of the device where it is told, else the operating system
	OS       string
}

// DescribeAgent reads a User-Agent header.
func DescribeAgent(header string) Agent {
	if header == "" {
		return Agent{Kind: "unknown"}
	}
	ua := useragent.Parse(header)
	a := Agent{Kind: "unknown", Browser: ua.Name, Version: ua.Version, Platform: ua.Device, OS: ua.OS}
	switch {
	case ua.Bot:
		a.Kind = "bot"
	case ua.Mobile:
		a.Kind = "mobile"
	case ua.Tablet:
		a.Kind = "tablet"
	case ua.Desktop:
		a.Kind = "desktop"
	}
	if a.Platform == "" {
		a.Platform = ua.OS
	}
	return a
}
