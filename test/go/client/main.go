// The same calls as the programs of test/fixtures/generated-client, with the client that oapi-codegen writes.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	"client/api"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"
)

// Times as the API writes them.
const utcWithMilliseconds = "2006-01-02T15:04:05.000Z"

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: client URL")
	}
	report, err := makeEachCall(context.Background(), os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		log.Fatal(err)
	}
}

// expect returns the body of a call that must have succeeded.
func expect[T any](body *T, text []byte) (T, error) {
	if body == nil {
		var none T
		return none, fmt.Errorf("refused: %s", text)
	}
	return *body, nil
}

func makeEachCall(ctx context.Context, url string) (map[string]any, error) {
	client, err := api.NewClientWithResponses(url)
	if err != nil {
		return nil, err
	}
	due := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

	key, high, low, medium := uuid.NewString(), api.PriorityHigh, api.PriorityLow, api.PriorityMedium
	creation, err := client.CreateTaskWithResponse(ctx, &api.CreateTaskParams{IdempotencyKey: &key},
		api.CreateTask{Description: "water the plants", Priority: &high})
	if err != nil {
		return nil, err
	}
	created, err := expect(creation.JSON201, creation.Body)
	if err != nil {
		return nil, err
	}
	id := created.Task.Id

	version := fmt.Sprintf("%q", fmt.Sprint(created.Task.Version))
	replacement, err := client.UpdateTaskWithResponse(ctx, id, &api.UpdateTaskParams{IfMatch: &version}, api.UpdateTask{
		Description: created.Task.Description,
		Priority:    low,
		Dates: api.GivenDates{
			Start: nullable.NewNullNullable[time.Time](),
			Due:   nullable.NewNullNullable[time.Time](),
		},
	})
	if err != nil {
		return nil, err
	}
	replaced, err := expect(replacement.JSON200, replacement.Body)
	if err != nil {
		return nil, err
	}

	patch, err := client.PatchTaskWithResponse(ctx, id, nil, api.PatchTask{
		IsDone:   nullable.NewNullableWithValue(true),
		Priority: nullable.NewNullNullable[api.Priority](),
		Dates:    nullable.NewNullableWithValue(api.GivenDates{Due: nullable.NewNullableWithValue(due)}),
	})
	if err != nil {
		return nil, err
	}
	patched, err := expect(patch.JSON200, patch.Body)
	if err != nil {
		return nil, err
	}

	reading, err := client.GetTaskWithResponse(ctx, id, nil)
	if err != nil {
		return nil, err
	}
	read, err := expect(reading.JSON200, reading.Body)
	if err != nil {
		return nil, err
	}

	operations := make([]api.BatchTasks_Operations_Item, 2)
	if err := operations[0].FromCreateTaskOperation(api.CreateTaskOperation{
		Task: api.CreateTask{Description: "buy milk"},
	}); err != nil {
		return nil, err
	}
	if err := operations[1].FromPatchTaskOperation(api.PatchTaskOperation{
		Id: id, Task: api.PatchTask{Priority: nullable.NewNullableWithValue(medium)},
	}); err != nil {
		return nil, err
	}
	batch, err := client.BatchTasksWithResponse(ctx, nil, api.BatchTasks{Operations: operations})
	if err != nil {
		return nil, err
	}
	batched, err := expect(batch.JSON200, batch.Body)
	if err != nil {
		return nil, err
	}
	outcomes := [][]any{}
	for _, outcome := range batched.Outcomes {
		if outcome.Task == nil {
			return nil, fmt.Errorf("an operation failed: %s", batch.Body)
		}
		outcomes = append(outcomes, []any{outcome.Status, outcome.Task.Priority})
	}

	search, err := client.SearchTasksWithResponse(ctx, api.SearchTasks{
		Description: nullable.NewNullableWithValue("plants"),
		Priority:    nullable.NewNullableWithValue(high),
		Tags:        nullable.NewNullableWithValue([]string{"home"}),
		IsDone:      nullable.NewNullableWithValue(false),
		DueBefore:   nullable.NewNullableWithValue(due),
	})
	if err != nil {
		return nil, err
	}
	found, err := expect(search.JSON200, search.Body)
	if err != nil {
		return nil, err
	}
	hit := found.Tasks[0]
	hitDue, err := hit.Dates.Due.Get()
	if err != nil {
		return nil, err
	}

	search, err = client.SearchTasksWithResponse(ctx, api.SearchTasks{
		Overdue: nullable.NewNullableWithValue(true),
		Sort:    nullable.NewNullableWithValue(api.TaskOrderDue),
		Facets:  nullable.NewNullableWithValue([]api.TaskFacet{api.TaskFacetPriority}),
		Size:    nullable.NewNullableWithValue(5),
	})
	if err != nil {
		return nil, err
	}
	counted, err := expect(search.JSON200, search.Body)
	if err != nil {
		return nil, err
	}
	descriptions := []string{}
	for _, task := range counted.Tasks {
		descriptions = append(descriptions, task.Description)
	}

	limit := 5
	list, err := client.ListTasksWithResponse(ctx, &api.ListTasksParams{Limit: &limit})
	if err != nil {
		return nil, err
	}
	listed, err := expect(list.JSON200, list.Body)
	if err != nil {
		return nil, err
	}
	cursor, err := listed.NextCursor.Get()
	if err != nil {
		return nil, err
	}

	empty := ""
	refusal, err := client.PatchTaskWithResponse(ctx, id, nil, api.PatchTask{Description: &empty})
	if err != nil {
		return nil, err
	}
	refused, err := expect(refusal.ApplicationproblemJSON400, refusal.Body)
	if err != nil {
		return nil, err
	}
	faults := *refused.Errors

	deletion, err := client.DeleteTaskWithResponse(ctx, id, nil)
	if err != nil {
		return nil, err
	}
	absence, err := client.GetTaskWithResponse(ctx, id, nil)
	if err != nil {
		return nil, err
	}
	gone, err := expect(absence.ApplicationproblemJSON404, absence.Body)
	if err != nil {
		return nil, err
	}

	return map[string]any{
		"versions": []int{created.Task.Version, replaced.Task.Version, patched.Task.Version, read.Task.Version},
		"outcomes": outcomes,
		"found":    []any{found.Total, hit.Description, hitDue.UTC().Format(utcWithMilliseconds)},
		"counted":  []any{descriptions, (*counted.Facets)["priority"]},
		"listed":   []any{len(listed.Tasks), fmt.Sprintf("%T", cursor)},
		"refused":  []string{refused.Code, faults[0].Path},
		"deleted":  deletion.StatusCode(),
		"gone":     []any{absence.StatusCode(), gone.Code},
	}, nil
}
