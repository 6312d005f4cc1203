// Makes an upload signature with nothing but Go's standard library (1.19 or newer).
//
//	SECRET_KEY=… go run sign.go SECRET_ID [name=value]…    such as oneTimeValid=1 procedure=LongVideoPreset
//	go run sign.go --vector < vector.json                   {"secretKey":…,"parameters":{…}}, signed as given
package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Options are the optional parameters. What is zero is left out of the signature, where it would mean the same.
type Options struct {
	ValidSeconds   int64 // an hour when zero
	Procedure      string
	TaskPriority   int
	TaskNotifyMode string
	ClassID        int64
	VodSubAppID    int64
	OneTimeValid   bool
	SourceContext  string
	SessionContext string
	StorageRegion  string
}

// parameter is one name=value of the query string; a map would lose the order.
type parameter struct{ name, value string }

// Sign makes a signature that is valid from now on.
func Sign(secretID, secretKey string, options Options) (string, error) {
	if options.ValidSeconds == 0 {
		options.ValidSeconds = 3600
	}
	if options.ValidSeconds < 0 {
		return "", errors.New("validSeconds is a whole number above 0")
	}
	var random [4]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	now := time.Now().Unix()
	parameters := []parameter{
		{"secretId", secretID},
		{"currentTimeStamp", strconv.FormatInt(now, 10)},
		{"expireTime", strconv.FormatInt(now+options.ValidSeconds, 10)},
		{"random", strconv.FormatUint(uint64(binary.BigEndian.Uint32(random[:])), 10)},
	}
	return signParameters(secretKey, append(parameters, options.parameters()...)), nil
}

func (o Options) parameters() []parameter {
	number := func(value int64) string {
		if value == 0 {
			return ""
		}
		return strconv.FormatInt(value, 10)
	}
	once := ""
	if o.OneTimeValid {
		once = "1"
	}
	var set []parameter
	for _, one := range []parameter{
		{"procedure", o.Procedure},
		{"taskPriority", number(int64(o.TaskPriority))},
		{"taskNotifyMode", o.TaskNotifyMode},
		{"classId", number(o.ClassID)},
		{"vodSubAppId", number(o.VodSubAppID)},
		{"oneTimeValid", once},
		{"sourceContext", o.SourceContext},
		{"sessionContext", o.SessionContext},
		{"storageRegion", o.StorageRegion},
	} {
		if one.value != "" {
			set = append(set, one)
		}
	}
	return set
}

// signParameters signs in the order given: base64(HMAC-SHA1(key, original) followed by original).
func signParameters(secretKey string, parameters []parameter) string {
	pairs := make([]string, len(parameters))
	for i, one := range parameters {
		pairs[i] = one.name + "=" + encode(one.value)
	}
	original := strings.Join(pairs, "&")
	mac := hmac.New(sha1.New, []byte(secretKey))
	mac.Write([]byte(original))
	return base64.StdEncoding.EncodeToString(append(mac.Sum(nil), original...))
}

// encode is RFC 3986: QueryEscape differs from it in the space only, and writes a real + as %2B.
func encode(value string) string {
	return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
}

func main() {
	signature, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "sign.go:", err)
		os.Exit(2)
	}
	fmt.Println(signature)
}

func run(arguments []string) (string, error) {
	if len(arguments) == 1 && arguments[0] == "--vector" {
		return signVector(os.Stdin)
	}
	if len(arguments) == 0 || strings.HasPrefix(arguments[0], "-") {
		return "", errors.New("usage: SECRET_KEY=… go run sign.go SECRET_ID [name=value]…")
	}
	secretKey := os.Getenv("SECRET_KEY")
	if secretKey == "" {
		return "", errors.New("put the SecretKey into the environment variable SECRET_KEY")
	}
	options, err := parse(arguments[1:])
	if err != nil {
		return "", err
	}
	return Sign(arguments[0], secretKey, options)
}

// parse reads name=value pairs; the flag package knows how each kind of value is written.
func parse(pairs []string) (Options, error) {
	var o Options
	known := flag.NewFlagSet("", flag.ContinueOnError)
	known.Int64Var(&o.ValidSeconds, "validSeconds", 3600, "")
	known.StringVar(&o.Procedure, "procedure", "", "")
	known.IntVar(&o.TaskPriority, "taskPriority", 0, "")
	known.StringVar(&o.TaskNotifyMode, "taskNotifyMode", "", "")
	known.Int64Var(&o.ClassID, "classId", 0, "")
	known.Int64Var(&o.VodSubAppID, "vodSubAppId", 0, "")
	known.BoolVar(&o.OneTimeValid, "oneTimeValid", false, "")
	known.StringVar(&o.SourceContext, "sourceContext", "", "")
	known.StringVar(&o.SessionContext, "sessionContext", "", "")
	known.StringVar(&o.StorageRegion, "storageRegion", "", "")
	for _, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		if !found {
			return o, fmt.Errorf("%q is not name=value", pair)
		}
		if err := known.Set(name, value); err != nil {
			return o, fmt.Errorf("%s: %w", pair, err)
		}
	}
	return o, nil
}

// signVector reads {"secretKey":…,"parameters":{…}} token by token, since decoding into a map would lose the order.
func signVector(input io.Reader) (string, error) {
	var vector struct {
		SecretKey  string          `json:"secretKey"`
		Parameters json.RawMessage `json:"parameters"`
	}
	if err := json.NewDecoder(input).Decode(&vector); err != nil {
		return "", fmt.Errorf("read the vector: %w", err)
	}
	tokens := json.NewDecoder(strings.NewReader(string(vector.Parameters)))
	tokens.UseNumber() // as written, not as a float
	if _, err := tokens.Token(); err != nil {
		return "", fmt.Errorf("read the parameters: %w", err)
	}
	var parameters []parameter
	for tokens.More() {
		name, err := tokens.Token()
		if err != nil {
			return "", fmt.Errorf("read a parameter's name: %w", err)
		}
		value, err := tokens.Token()
		if err != nil {
			return "", fmt.Errorf("read the value of %v: %w", name, err)
		}
		parameters = append(parameters, parameter{fmt.Sprint(name), fmt.Sprint(value)})
	}
	return signParameters(vector.SecretKey, parameters), nil
}
