package operation

import "context"

// operatorKey marks a context that came in through the server's own socket.
type operatorKey struct{}

// WithOperator says that whoever asks in ctx is the machine's operator: only the listener of the command socket,
// whose file nobody else can open, may say so.
func WithOperator(ctx context.Context) context.Context {
	return context.WithValue(ctx, operatorKey{}, true)
}

// IsOperator reports whether WithOperator was called on ctx.
func IsOperator(ctx context.Context) bool {
	is, _ := ctx.Value(operatorKey{}).(bool)
	return is
}
