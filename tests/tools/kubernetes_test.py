#!/usr/bin/env python3
"""The manifests of tools/packaging/kubernetes: against Kubernetes' own schemas, against each other,
and against the program.

    .cache/venv/bin/python tests/tools/kubernetes_test.py     IMGRING names the program
"""

import os
import subprocess
import unittest

import kubernetes_validate
import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.abspath(os.environ.get('IMGRING', os.path.join(ROOT, 'build/imgring')))
PATH = os.path.join(ROOT, 'tools/packaging/kubernetes/imgring.yaml')
VERSIONS = ('1.30', '1.34')


def megabytes(text):
    return int(text.removesuffix('Mi'))


class Manifests(unittest.TestCase):
    def setUp(self):
        with open(PATH) as file:
            self.all = {one['kind']: one for one in yaml.safe_load_all(file)}
        self.pod = self.all['Deployment']['spec']['template']['spec']
        self.container = self.pod['containers'][0]
        self.settings = self.all['ConfigMap']['data']

    def test_they_fit_the_schemas(self):
        for version in VERSIONS:
            for kind, one in self.all.items():
                with self.subTest(version + ' ' + kind):
                    kubernetes_validate.validate(one, version, strict=True)

    def test_a_field_that_is_not_there_is_found(self):
        wrong = dict(self.all['Service'], spec=dict(self.all['Service']['spec'], prots=[]))
        with self.assertRaises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)

    def test_all_select_the_same_pods(self):
        labels = self.all['Deployment']['spec']['template']['metadata']['labels']
        for selector in (
            self.all['Deployment']['spec']['selector']['matchLabels'],
            self.all['Service']['spec']['selector'],
            self.all['PodDisruptionBudget']['spec']['selector']['matchLabels'],
            self.pod['topologySpreadConstraints'][0]['labelSelector']['matchLabels'],
        ):
            self.assertLessEqual(selector.items(), labels.items())
        scaled = self.all['HorizontalPodAutoscaler']['spec']['scaleTargetRef']['name']
        self.assertEqual(scaled, self.all['Deployment']['metadata']['name'])
        ports = {one['name']: ':%d' % one['containerPort'] for one in self.container['ports']}
        self.assertEqual(ports['http'], self.settings['IMGPROXY_BIND'])
        self.assertEqual(ports['metrics'], self.settings['IMGPROXY_PROMETHEUS_BIND'])

    def test_times_and_memory_leave_room(self):
        leaving = sum(int(self.settings[name]) for name in ('IMGRING_DRAIN_DELAY', 'IMGPROXY_GRACEFUL_STOP_TIMEOUT'))
        self.assertGreater(self.pod['terminationGracePeriodSeconds'], leaving)
        probe = self.container['readinessProbe']
        self.assertGreater(
            int(self.settings['IMGRING_DRAIN_DELAY']), 2 * probe['periodSeconds'] * probe['failureThreshold']
        )
        limit = megabytes(self.container['resources']['limits']['memory'])
        own = int(self.settings['IMGRING_MEMORY_LIMIT'])
        self.assertTrue(limit * 0.85 <= own <= limit * 0.95, (own, limit))

    def test_nothing_more_than_it_needs(self):
        self.assertTrue(self.pod['securityContext']['runAsNonRoot'])
        self.assertFalse(self.pod['automountServiceAccountToken'])
        own = self.container['securityContext']
        self.assertTrue(own['readOnlyRootFilesystem'])
        self.assertFalse(own['allowPrivilegeEscalation'])
        self.assertEqual(own['capabilities'], {'drop': ['ALL']})

    def test_the_program_takes_the_settings(self):
        if not os.path.exists(PROGRAM):
            self.skipTest('%s is not built' % PROGRAM)
        environment = dict(self.settings, PATH=os.environ['PATH'], IMGPROXY_KEY='aa', IMGPROXY_SALT='bb')
        done = subprocess.run([PROGRAM, 'check-config'], env=environment, text=True, stdout=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn('did you mean', done.stdout)

    def test_the_metric_that_scales_is_the_programs(self):
        metric = self.all['HorizontalPodAutoscaler']['spec']['metrics'][0]['pods']['metric']
        with open(os.path.join(ROOT, 'src/observe/metrics.cc')) as file:
            source = file.read()
        self.assertIn('"%s"' % metric['name'].removeprefix('imgring_'), source)
        self.assertEqual(metric['selector']['matchLabels'], {'lane': 'quick'})


if __name__ == '__main__':
    unittest.main()
