// SPDX-License-Identifier: Apache-2.0
// Reads manifests on standard input as the API server does: by Kubernetes' own types, in which an
// unknown or repeated field is an error, and pods by its own rules of restricted Pod Security.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

func main() {
	failed := false
	complain := func(where string, what any) {
		fmt.Fprintf(os.Stderr, "%s: %v\n", where, what)
		failed = true
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	if err != nil {
		complain("rules", err)
	}
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	reader := yaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	for number := 1; ; number++ {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		where := fmt.Sprintf("document %d", number)
		object, kind, err := decoder.Decode(document, nil, nil)
		if err != nil {
			complain(where, err)
			continue
		}
		fmt.Println(kind.Kind)
		deployment, ok := object.(*appsv1.Deployment)
		if !ok {
			continue
		}
		level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
		pod := &deployment.Spec.Template
		for _, result := range evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec) {
			if !result.Allowed {
				complain(where, result.ForbiddenReason+": "+result.ForbiddenDetail)
			}
		}
	}
	if failed {
		os.Exit(1)
	}
}
