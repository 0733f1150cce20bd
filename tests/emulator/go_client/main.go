// Calls Mailgun's official Go client as a test tells it to:
//
//	mailgun-go-client URL KEY
//
// Each line of its input is a call, such as ["GetDomain", "mg.example.com"]. Each is answered with a line
// that has the result and the error of the client.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"reflect"
	"strconv"
	"time"

	"github.com/mailgun/mailgun-go/v5"
	"github.com/mailgun/mailgun-go/v5/mtypes"
)

const timeout = 30 * time.Second

type answer struct {
	Result any    `json:"result"`
	Error  string `json:"error,omitempty"`
	Status int    `json:"status,omitempty"` // of a response that is an error; -1 if it was something else
}

func main() {
	mg := mailgun.NewMailgun(os.Args[2])
	if err := mg.SetAPIBase(os.Args[1]); err != nil {
		log.Fatal(err)
	}
	input, output := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	for input.Scan() {
		var words []string
		if err := json.Unmarshal(input.Bytes(), &words); err != nil {
			log.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		result, err := call(ctx, mg, words[0], words[1:])
		cancel()
		reply := answer{Result: result}
		if err != nil {
			reply.Error, reply.Status = err.Error(), mailgun.GetStatusFromErr(err)
		}
		if err := output.Encode(reply); err != nil {
			log.Fatal(err)
		}
	}
	if err := input.Err(); err != nil {
		log.Fatal(err)
	}
}

func call(ctx context.Context, mg *mailgun.Client, name string, args []string) (any, error) {
	switch name {
	case "GetDomainTracking":
		return mg.GetDomainTracking(ctx, args[0])
	case "UpdateOpenTracking":
		return nil, mg.UpdateOpenTracking(ctx, args[0], args[1])
	case "UpdateClickTracking":
		return nil, mg.UpdateClickTracking(ctx, args[0], args[1])
	case "UpdateUnsubscribeTracking":
		return nil, mg.UpdateUnsubscribeTracking(ctx, args[0], args[1], args[2], args[3])
	case "ListDomains":
		return listDomains(ctx, mg, args[0])
	case "GetDomain":
		return mg.GetDomain(ctx, args[0], nil)
	case "CreateDomain":
		return mg.CreateDomain(ctx, args[0], &mailgun.CreateDomainOptions{WebScheme: args[1], WebPrefix: args[2]})
	case "UpdateDomain":
		return nil, mg.UpdateDomain(ctx, args[0], &mailgun.UpdateDomainOptions{WebScheme: args[1], WebPrefix: args[2]})
	case "VerifyDomain":
		return mg.VerifyDomain(ctx, args[0])
	case "DeleteDomain":
		return nil, mg.DeleteDomain(ctx, args[0])
	case "SetOnBehalfOfSubaccount":
		mg.SetOnBehalfOfSubaccount(args[0])
		return nil, nil
	case "methods": // everything that the client can do
		var names []string
		for method := range reflect.TypeOf(mg).Methods() {
			names = append(names, method.Name)
		}
		return names, nil
	}
	return nil, fmt.Errorf("no such call: %s", name)
}

func listDomains(ctx context.Context, mg *mailgun.Client, limit string) ([]mtypes.Domain, error) {
	number, err := strconv.Atoi(limit)
	if err != nil {
		return nil, err
	}
	pages := mg.ListDomains(&mailgun.ListDomainsOptions{Limit: number})
	var all, page []mtypes.Domain
	for pages.Next(ctx, &page) {
		all = append(all, page...)
	}
	return all, pages.Err()
}
