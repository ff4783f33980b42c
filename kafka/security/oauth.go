package security

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"leat/config"
)

// maxToken bounds what a token endpoint may answer.
const maxToken = 1 << 20

// source gives the present token.
type source interface {
	token(ctx context.Context) (string, error)
}

// bearer makes OAUTHBEARER: a token from an endpoint by client credentials, from a file, or an unsecured one made here.
func bearer(props map[string]string, l login) (sasl.Mechanism, []config.Problem) {
	from, problems := tokenSource(props, l)
	if len(problems) > 0 {
		return nil, problems
	}
	extensions := map[string]string{}
	for k, v := range l.options {
		if name, ok := strings.CutPrefix(k, "extension_"); ok {
			extensions[name] = v
		}
	}
	return oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		token, err := from.token(ctx)
		return oauth.Auth{Token: token, Extensions: extensions}, err
	}), nil
}

func tokenSource(props map[string]string, l login) (source, []config.Problem) {
	for _, key := range []string{"sasl.oauthbearer.assertion.file", "sasl.oauthbearer.assertion.private.key.file", "sasl.oauthbearer.assertion.template.file"} {
		if props[key] != "" {
			return nil, []config.Problem{config.Problemf(key, "JWT assertions are not supported; use client credentials")}
		}
	}
	endpoint := props["sasl.oauthbearer.token.endpoint.url"]
	if endpoint == "" {
		if subject := l.options["unsecuredLoginStringClaim_sub"]; subject != "" {
			return unsecured(l.options), nil
		}
		return nil, []config.Problem{config.Problemf("sasl.oauthbearer.token.endpoint.url", "it is missing")}
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, []config.Problem{config.Problemf("sasl.oauthbearer.token.endpoint.url", "it is not a URL")}
	}
	switch u.Scheme {
	case "file":
		return tokenFile(u.Path), nil
	case "http", "https":
		return clientCredentials(props, l, endpoint)
	}
	return nil, []config.Problem{config.Problemf("sasl.oauthbearer.token.endpoint.url", "scheme %q is not one of https, http, file", u.Scheme)}
}

// tokenFile is a file that something else keeps fresh.
type tokenFile string

func (f tokenFile) token(context.Context) (string, error) {
	b, err := os.ReadFile(string(f))
	if err != nil {
		return "", fmt.Errorf("OAUTHBEARER token: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// unsecured are JAAS options of Kafka's unsecured tokens, which are for tests.
type unsecured map[string]string

func (u unsecured) token(context.Context) (string, error) {
	now := time.Now()
	life := 3600.0
	if s, err := strconv.ParseFloat(u["unsecuredLoginLifetimeSeconds"], 64); err == nil {
		life = s
	}
	claims := map[string]any{"iat": float64(now.Unix()), "exp": float64(now.Unix()) + life}
	for k, v := range u {
		if name, ok := strings.CutPrefix(k, "unsecuredLoginStringClaim_"); ok {
			claims[name] = v
		}
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode(body) + ".", nil
}

// endpoint fetches tokens by client credentials and keeps one until most of its life is over.
type endpoint struct {
	url           string
	client        *http.Client
	authorization string
	form          string

	mu    sync.Mutex
	last  string
	until time.Time
}

func clientCredentials(props map[string]string, l login, address string) (source, []config.Problem) {
	pick := func(key, option string) string {
		if v := props[key]; v != "" {
			return v
		}
		return l.options[option]
	}
	id := pick("sasl.oauthbearer.client.credentials.client.id", "clientId")
	secret := pick("sasl.oauthbearer.client.credentials.client.secret", "clientSecret")
	if id == "" || secret == "" {
		return nil, []config.Problem{config.Problemf("sasl.oauthbearer.client.credentials.client.id", "the client's id and secret are missing (or clientId and clientSecret in sasl.jaas.config)")}
	}
	secured, problems := endpointTLS(props, l)
	if len(problems) > 0 {
		return nil, problems
	}
	if strings.EqualFold(props["sasl.oauthbearer.header.urlencode"], "true") {
		id, secret = url.QueryEscape(id), url.QueryEscape(secret)
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if scope := pick("sasl.oauthbearer.scope", "scope"); scope != "" {
		form.Set("scope", scope)
	}
	return &endpoint{
		url: address, form: form.Encode(),
		authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret)),
		client:        &http.Client{Timeout: patience(props), Transport: &http.Transport{TLSClientConfig: secured, Proxy: http.ProxyFromEnvironment, IdleConnTimeout: time.Minute}},
	}, nil
}

// patience is the sum of the two timeouts, or half a minute.
func patience(props map[string]string) time.Duration {
	total := 0
	for _, key := range []string{"sasl.login.connect.timeout.ms", "sasl.login.read.timeout.ms"} {
		if ms, err := strconv.Atoi(props[key]); err == nil && ms > 0 {
			total += ms
		}
	}
	if total == 0 {
		return 30 * time.Second
	}
	return time.Duration(total) * time.Millisecond
}

// endpointTLS reads ssl.* of the login module's options, or of the client.
func endpointTLS(props map[string]string, l login) (*tls.Config, []config.Problem) {
	mine := map[string]string{}
	for _, from := range []map[string]string{props, l.options} {
		for k, v := range from {
			if strings.HasPrefix(k, "ssl.") {
				mine[k] = v
			}
		}
	}
	delete(mine, "ssl.endpoint.identification.algorithm") // who the token is fetched from is always checked
	return ClientTLS(mine)
}

func (e *endpoint) token(ctx context.Context) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last != "" && time.Now().Before(e.until) {
		return e.last, nil
	}
	token, life, err := e.fetch(ctx)
	if err != nil {
		return "", fmt.Errorf("OAUTHBEARER token from %s: %w", e.url, err)
	}
	e.last, e.until = token, time.Now().Add(life*4/5)
	return token, nil
}

func (e *endpoint) fetch(ctx context.Context) (string, time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, strings.NewReader(e.form))
	if err != nil {
		return "", 0, err
	}
	req.Header.Set("Authorization", e.authorization)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := e.client.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxToken))
	if err != nil {
		return "", 0, err
	}
	var answer struct {
		Token     string  `json:"access_token"`
		ExpiresIn float64 `json:"expires_in"`
		Error     string  `json:"error"`
	}
	if err := json.Unmarshal(body, &answer); err != nil && resp.StatusCode == http.StatusOK {
		return "", 0, errors.New("the answer is not JSON")
	}
	if resp.StatusCode != http.StatusOK || answer.Token == "" {
		return "", 0, fmt.Errorf("the answer is %s %s", resp.Status, answer.Error)
	}
	return answer.Token, time.Duration(answer.ExpiresIn * float64(time.Second)), nil
}
