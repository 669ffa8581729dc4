package documentstest

import (
	"context"
	"net/url"
	"os"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/google/uuid"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // opens azblob: addresses
)

// AzuriteVariable names a container of Azure Blob Storage in whose account tests may write; see scripts/test-azurite.sh.
const AzuriteVariable = "CASESYNC_TEST_AZURITE"

// Azure makes a container of a test's own in Azure Blob Storage, and returns its address; given is false where no
// account is named.
func Azure(tb testing.TB) (address string, given bool) {
	tb.Helper()
	named := os.Getenv(AzuriteVariable)
	if named == "" {
		return "", false
	}
	at, err := url.Parse(named)
	if err != nil {
		tb.Fatalf("%s: %v", AzuriteVariable, err)
	}
	at.Host = "t" + uuid.NewString()
	bucket, err := blob.OpenBucket(context.Background(), at.String())
	if err != nil {
		tb.Fatalf("open container: %v", err)
	}
	defer bucket.Close()
	var client *container.Client
	if !bucket.As(&client) {
		tb.Fatal("got a bucket that is no container of Azure")
	}
	if _, err := client.Create(context.Background(), nil); err != nil {
		tb.Fatalf("make container: %v", err)
	}
	return at.String(), true
}
