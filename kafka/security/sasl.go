package security

import (
	"context"
	"strings"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"leat/config"
)

const mechanisms = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER"

// mechanism makes what sasl.mechanism names.
func mechanism(props map[string]string) (sasl.Mechanism, []config.Problem) {
	name := strings.ToUpper(strings.TrimSpace(props["sasl.mechanism"]))
	switch name {
	case "", "GSSAPI":
		return nil, []config.Problem{config.Problemf("sasl.mechanism", "GSSAPI (Kerberos), Kafka's default, is not supported; use one of %s", mechanisms)}
	case "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER":
	default:
		return nil, []config.Problem{config.Problemf("sasl.mechanism", "%q is not one of %s", name, mechanisms)}
	}
	l, problems := loginOf(props, name)
	if len(problems) > 0 {
		return nil, problems
	}
	if name == "OAUTHBEARER" {
		return bearer(props, l)
	}
	user, password := l.options["username"], l.options["password"]
	if user == "" {
		return nil, []config.Problem{config.Problemf("sasl.jaas.config", "it has no username")}
	}
	isToken := strings.EqualFold(l.options["tokenauth"], "true")
	switch name {
	case "PLAIN":
		return plain.Plain(func(context.Context) (plain.Auth, error) { return plain.Auth{User: user, Pass: password}, nil }), nil
	case "SCRAM-SHA-256":
		return scram.Sha256(func(context.Context) (scram.Auth, error) {
			return scram.Auth{User: user, Pass: password, IsToken: isToken}, nil
		}), nil
	}
	return scram.Sha512(func(context.Context) (scram.Auth, error) {
		return scram.Auth{User: user, Pass: password, IsToken: isToken}, nil
	}), nil
}

// loginOf reads sasl.jaas.config and refuses Java's login classes, which leat cannot run.
func loginOf(props map[string]string, mechanism string) (login, []config.Problem) {
	for _, key := range []string{"sasl.client.callback.handler.class", "sasl.login.callback.handler.class", "sasl.login.class"} {
		class := props[key]
		if class == "" || strings.HasSuffix(class, ".OAuthBearerLoginCallbackHandler") || strings.HasSuffix(class, ".OAuthBearerSaslClientCallbackHandler") {
			continue
		}
		return login{}, []config.Problem{config.Problemf(key, "%s is a Java class, which leat does not load; give what it would find in sasl.jaas.config", class)}
	}
	text := props["sasl.jaas.config"]
	if text == "" {
		if mechanism == "OAUTHBEARER" && props["sasl.oauthbearer.token.endpoint.url"] != "" {
			return login{options: map[string]string{}}, nil
		}
		return login{}, []config.Problem{config.Problemf("sasl.jaas.config", "it is missing; a java.security.auth.login.config file is not read")}
	}
	l, err := parseJAAS(text)
	if err != nil {
		return l, []config.Problem{*problem("sasl.jaas.config", err)}
	}
	return l, nil
}
