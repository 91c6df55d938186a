// Package telemetry owns what the server tells about itself to its operator: the logger, the Prometheus metrics
// and the OpenTelemetry traces. Nothing here is global; package server makes one of each and hands them on.
//
// It does not decide what is worth telling: package httpx fills one wide event a request, and the audit log is
// data in the database (package audit), not a log line.
package telemetry
