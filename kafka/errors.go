package kafka

func appendErrorText(e *AppendError) string { return e.Err.Error() }
