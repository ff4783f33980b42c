package harness

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// pom lists the jars; its profiles are the names that fetchJars takes.
//
//go:embed pom.xml
var pom []byte

const kafkaJars = "kafka"

// Plugin is a connector plug-in for Kafka Connect.
type Plugin string

// The plug-ins that StartConnect can load.
const (
	DebeziumPostgres Plugin = "debezium-postgres" // the PostgreSQL source, 3.6.1
	DebeziumJDBC     Plugin = "debezium-jdbc"     // the JDBC sink, 3.5.0
)

// workerJars are left out of a plug-in's folder: the worker brings them, and a
// second copy in the plug-in's class loader breaks its types.
const workerJars = "org.apache.kafka,com.fasterxml.jackson.core,com.fasterxml.jackson.module," +
	"com.fasterxml.jackson.datatype,com.fasterxml.jackson.jaxrs"

// FetchKafka fetches what StartKafka and StartConnect with these plug-ins need,
// so that later starts need no network.
func FetchKafka(ctx context.Context, plugins ...Plugin) error {
	if _, err := fetchJars(ctx, kafkaJars); err != nil {
		return err
	}
	for _, plugin := range plugins {
		if _, err := fetchJars(ctx, string(plugin)); err != nil {
			return err
		}
	}
	return nil
}

// fetchJars gives the folder with the jars of a profile of the pom. The name of
// the folder holds a hash of the pom, so that a new version is fetched anew.
func fetchJars(ctx context.Context, profile string) (string, error) {
	name := fmt.Sprintf("%s-%x", profile, sha256.Sum256(pom))[:len(profile)+9]
	dir, err := cached(ctx, name, func(scratch string) (string, error) { return copyDependencies(ctx, profile, scratch) })
	if err != nil {
		return "", &UnavailableError{
			What: profile,
			Err:  err,
			Hint: "install a JDK 17 and maven, and go online once, or set LEAT_MAVEN_REPOSITORY to a mirror",
		}
	}
	return dir, nil
}

func copyDependencies(ctx context.Context, profile, scratch string) (string, error) {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return "", errors.New("mvn is not installed")
	}
	file, made := filepath.Join(scratch, "pom.xml"), filepath.Join(scratch, "jars")
	if err := os.WriteFile(file, pom, 0o644); err != nil {
		return "", err
	}
	args := []string{"-B", "-q", "-f", file, "-P", profile, "dependency:copy-dependencies",
		"-DincludeScope=runtime", "-DoutputDirectory=" + made}
	if profile != kafkaJars {
		args = append(args, "-DexcludeGroupIds="+workerJars)
	}
	if url := os.Getenv("LEAT_MAVEN_REPOSITORY"); url != "" {
		settings := filepath.Join(scratch, "settings.xml")
		if err := writeMirrorSettings(settings, url); err != nil {
			return "", err
		}
		args = append(args, "-gs", settings)
	}
	cmd := exec.CommandContext(ctx, mvn, args...)
	cmd.SysProcAttr = processAttributes(nil, syscall.SIGTERM)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("mvn: %w: %s", err, firstError(out.String()))
	}
	if !isDir(made) {
		return "", errors.New("mvn copied no jars")
	}
	return made, nil
}

// firstError is the first line that Maven marks as an error: the rest is advice.
func firstError(out string) string {
	for line := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(line, "[ERROR] "); ok {
			return strings.TrimSpace(rest)
		}
	}
	return strings.Join(strings.Fields(out), " ")
}

// writeMirrorSettings makes Maven ask url for what it would ask the central
// repository; the user's own settings stay in force.
func writeMirrorSettings(path, url string) error {
	var escaped bytes.Buffer
	if err := xml.EscapeText(&escaped, []byte(url)); err != nil {
		return err
	}
	return os.WriteFile(path, fmt.Appendf(nil,
		"<settings><mirrors><mirror><id>leat</id><mirrorOf>central</mirrorOf><url>%s</url></mirror></mirrors></settings>\n",
		escaped.Bytes()), 0o600)
}
