//go:build e2e

package e2e

import (
	"strconv"
	"strings"
	"testing"
)

// standIn is a site with a Service, in place of software that people run in their clusters. The
// pods' names begin with the site's, and each answer contains them.
const standIn = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: NAMESPACE}
spec:
  selector: {matchLabels: {app.kubernetes.io/name: NAME}}
  template:
    metadata: {labels: {app.kubernetes.io/name: NAME}}
    spec:
      terminationGracePeriodSeconds: 5
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        seccompProfile: {type: RuntimeDefault}
      containers:
      - name: site
        image: localhost/webapp:1
        imagePullPolicy: IfNotPresent
        args: [serve, "-listen=:TARGET", -drain=1s]
        readinessProbe: {httpGet: {path: /healthz, port: TARGET}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: NAMESPACE}
spec:
  selector: {app.kubernetes.io/name: NAME}
  ports: [{port: PORT, targetPort: TARGET}]
`

// standInFor starts a site whose Service listens on port and whose pods listen on target. It is
// deleted when the test ends.
func standInFor(t *testing.T, namespace, name string, port, target int) {
	t.Helper()
	apply(t, strings.NewReplacer("NAMESPACE", namespace, "NAME", name, "PORT", strconv.Itoa(port), "TARGET", strconv.Itoa(target)).Replace(standIn))
	kubectl(t, "-n", namespace, "rollout", "status", "deployment/"+name, "--timeout=60s")
}

// ingressFor makes the ingress controller route a host to one of the world's apps.
func ingressFor(t *testing.T, name, host, app string) {
	t.Helper()
	apply(t, strings.NewReplacer("NAME", name, "HOST", host, "APP", app).Replace(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: NAME, namespace: apps}
spec:
  ingressClassName: skipper
  rules:
  - host: HOST
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: APP, port: {name: http}}}}]}
`))
}
