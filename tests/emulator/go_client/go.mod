module mailgun-tracking/tests/emulator/go_client

go 1.26

require github.com/mailgun/mailgun-go/v5 v5.18.0

require (
	github.com/google/uuid v1.6.0 // indirect
	github.com/oapi-codegen/runtime v1.6.0 // indirect
)
