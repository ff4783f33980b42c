package harness

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports are taken below the range from which systems take the local ports of
// outgoing connections (32768 on Linux, 49152 elsewhere): a server that is down
// for a moment must find its port free when it comes back.
const firstPort, lastPort = 20000, 32000

var givenPorts struct {
	sync.Mutex
	used map[int]bool
}

// FreePort gives a TCP port of the loopback interface on which nothing listens
// and that this process was not given before. Another process may still take it
// before it is used.
func FreePort() (int, error) {
	givenPorts.Lock()
	defer givenPorts.Unlock()
	if givenPorts.used == nil {
		givenPorts.used = map[int]bool{}
	}
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if givenPorts.used[port] {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
		if err != nil {
			continue
		}
		l.Close()
		givenPorts.used[port] = true
		return port, nil
	}
	return 0, errors.New("no free TCP port found on " + loopback + " between 20000 and 32000")
}

const loopback = "127.0.0.1"
