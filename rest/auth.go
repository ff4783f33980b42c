package rest

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"

	"leat/config/properties"
)

// BasicAuthExtension is the one REST extension that leat has, Kafka's own.
const BasicAuthExtension = "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension"

const propertyFileLogin = "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule"

// authenticate asks for a name and password when the extension is configured. An extension that leat does not have is an error: it may
// be what keeps strangers out.
func (a *API) authenticate(next http.Handler) (http.Handler, error) {
	on := false
	for _, class := range trimmedList(a.opts.Props["rest.extension.classes"]) {
		if class != BasicAuthExtension && class != "BasicAuthSecurityRestExtension" {
			return nil, fmt.Errorf("rest.extension.classes: leat has no extension %s: remove it, or use %s", class, BasicAuthExtension)
		}
		on = true
	}
	if !on {
		return next, nil
	}
	if len(a.opts.Users) == 0 {
		return nil, fmt.Errorf("rest.extension.classes has %s, but no user is known: give a JAAS file with an entry KafkaConnect that names "+
			"a file of user=password lines", BasicAuthExtension)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, password, given := r.BasicAuth()
		if !given || !a.knows(name, password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="KafkaConnect"`)
			writeJSON(w, http.StatusUnauthorized, errorBody{http.StatusUnauthorized, "User cannot access the resource."})
			return
		}
		next.ServeHTTP(w, r)
	}), nil
}

// knows compares in a time that tells nothing of the password.
func (a *API) knows(name, password string) bool {
	want, known := a.opts.Users[name]
	x, y := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(password))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1 && known
}

var (
	jaasComment = regexp.MustCompile(`(?s:/\*.*?\*/)|(?m:^\s*//.*$)`)
	jaasEntry   = regexp.MustCompile(`(?s)KafkaConnect\s*\{(.*?)\}\s*;`)
	jaasModule  = regexp.MustCompile(`(?s)^\s*([\w.$]+)\s+(\w+)\s*(.*?);`)
	jaasFile    = regexp.MustCompile(`\bfile\s*=\s*(?:"([^"]*)"|([^\s;"]+))`)
)

// Users reads the users that a JAAS file's entry KafkaConnect names by way of PropertyFileLoginModule.
func Users(jaasPath string) (map[string]string, error) {
	text, err := os.ReadFile(jaasPath)
	if err != nil {
		return nil, fmt.Errorf("JAAS file: %w", err)
	}
	entry := jaasEntry.FindStringSubmatch(jaasComment.ReplaceAllString(string(text), ""))
	if entry == nil {
		return nil, fmt.Errorf("JAAS file %s has no entry KafkaConnect { … };", jaasPath)
	}
	module := jaasModule.FindStringSubmatch(entry[1])
	if module == nil || module[1] != propertyFileLogin {
		return nil, fmt.Errorf("JAAS file %s: the entry KafkaConnect must name the login module %s, the only one that leat has", jaasPath, propertyFileLogin)
	}
	file := jaasFile.FindStringSubmatch(module[3])
	if file == nil {
		return nil, fmt.Errorf("JAAS file %s: the login module has no option file=\"…\"", jaasPath)
	}
	users, err := properties.Load(file[1] + file[2])
	if err != nil {
		return nil, fmt.Errorf("users of the REST API: %w", err)
	}
	for name := range users {
		if strings.TrimSpace(name) == "" {
			delete(users, name)
		}
	}
	return users, nil
}
