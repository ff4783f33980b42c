package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// quietConn is a TCP connection outside of Go's poller. In the poller every packet wakes a thread, also while nobody reads; the
// server sends each one-row transaction in three small packets, and waking up for them costs several times what decoding does.
type quietConn struct {
	fd            int
	wakeR, wakeW  int // a pipe that ends a wait when the deadline is changed
	deadline      atomic.Int64
	local, remote net.Addr
	reading       sync.Mutex
	closing       sync.RWMutex // held by what uses the descriptors
	closed        atomic.Bool
}

// dialQuiet dials as the driver does and takes the connection out of the poller.
func dialQuiet(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn, nil
	}
	defer tcp.Close()
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	q := &quietConn{local: tcp.LocalAddr(), remote: tcp.RemoteAddr()}
	var dupErr error
	if err := raw.Control(func(fd uintptr) { q.fd, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, err
	}
	if dupErr != nil {
		return nil, dupErr
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		_ = unix.Close(q.fd)
		return nil, err
	}
	q.wakeR, q.wakeW = pipe[0], pipe[1]
	return q, nil
}

// wait blocks until the connection is ready for events, the deadline has passed, or the connection is closed.
func (q *quietConn) wait(events int16, deadline func() int64) error {
	for {
		if q.closed.Load() {
			return net.ErrClosed
		}
		timeout := -1
		if d := deadline(); d != 0 {
			left := time.Until(time.Unix(0, d))
			if left <= 0 {
				return os.ErrDeadlineExceeded
			}
			timeout = int((left + time.Millisecond - 1) / time.Millisecond)
		}
		fds := []unix.PollFd{{Fd: int32(q.fd), Events: events}, {Fd: int32(q.wakeR), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, timeout); err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		if fds[1].Revents != 0 {
			var drop [16]byte
			_, _ = unix.Read(q.wakeR, drop[:])
		}
		if fds[0].Revents != 0 {
			return nil
		}
	}
}

// Read reads what is there, or waits for it.
func (q *quietConn) Read(b []byte) (int, error) {
	q.reading.Lock()
	defer q.reading.Unlock()
	q.closing.RLock()
	defer q.closing.RUnlock()
	for {
		if q.closed.Load() {
			return 0, net.ErrClosed
		}
		n, err := unix.Read(q.fd, b)
		switch {
		case err == nil && n == 0 && len(b) > 0:
			return 0, io.EOF
		case err == nil:
			return n, nil
		case errors.Is(err, unix.EAGAIN):
			if err := q.wait(unix.POLLIN, q.deadline.Load); err != nil {
				return 0, err
			}
		case !errors.Is(err, unix.EINTR):
			return 0, os.NewSyscallError("read", err)
		}
	}
}

// Write writes all of b, within writeTimeout.
func (q *quietConn) Write(b []byte) (int, error) {
	q.closing.RLock()
	defer q.closing.RUnlock()
	done, limit := 0, time.Now().Add(writeTimeout).UnixNano()
	for done < len(b) {
		if q.closed.Load() {
			return done, net.ErrClosed
		}
		n, err := unix.SendmsgN(q.fd, b[done:], nil, nil, unix.MSG_NOSIGNAL)
		switch {
		case err == nil:
			done += n
		case errors.Is(err, unix.EAGAIN):
			if err := q.wait(unix.POLLOUT, func() int64 { return limit }); err != nil {
				return done, err
			}
		case !errors.Is(err, unix.EINTR):
			return done, os.NewSyscallError("write", err)
		}
	}
	return done, nil
}

func (q *quietConn) wake() { _, _ = unix.Write(q.wakeW, []byte{0}) }

// Close ends the connection; reads and writes under way end with net.ErrClosed.
func (q *quietConn) Close() error {
	if q.closed.Swap(true) {
		return net.ErrClosed
	}
	_ = unix.Shutdown(q.fd, unix.SHUT_RDWR)
	q.wake()
	q.closing.Lock()
	defer q.closing.Unlock()
	return errors.Join(unix.Close(q.fd), unix.Close(q.wakeR), unix.Close(q.wakeW))
}

// SetReadDeadline ends a read under way when the deadline has passed.
func (q *quietConn) SetReadDeadline(t time.Time) error {
	var ns int64
	if !t.IsZero() {
		ns = t.UnixNano()
	}
	q.closing.RLock()
	defer q.closing.RUnlock()
	if q.closed.Load() {
		return net.ErrClosed
	}
	q.deadline.Store(ns)
	if ns != 0 && time.Until(t) <= 0 {
		q.wake()
	}
	return nil
}

// SetDeadline sets the read deadline; writes have their own limit.
func (q *quietConn) SetDeadline(t time.Time) error { return q.SetReadDeadline(t) }

// SetWriteDeadline does nothing: a write is bounded by writeTimeout.
func (q *quietConn) SetWriteDeadline(time.Time) error { return nil }

// SetReadBuffer asks the kernel for a receive buffer.
func (q *quietConn) SetReadBuffer(n int) error {
	return unix.SetsockoptInt(q.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, n)
}

// LocalAddr is this side's address.
func (q *quietConn) LocalAddr() net.Addr { return q.local }

// RemoteAddr is the server's address.
func (q *quietConn) RemoteAddr() net.Addr { return q.remote }
