import { expect, it } from 'vitest';
import { registryHost, registryOf } from './images.ts';

it.each([
  ['python:3.11-slim', 'docker.io'],
  ['acme/py:1', 'docker.io'],
  ['index.docker.io/acme/py:1', 'docker.io'],
  ['registry.example.com/acme/py:1', 'registry.example.com'],
  ['localhost/py', 'localhost'],
  ['127.0.0.1:5000/py', '127.0.0.1:5000'],
])('the registry of %s is %s', (reference, registry) => {
  expect(registryOf(reference)).toBe(registry);
});

it.each([
  ['https://index.docker.io/v1/', 'docker.io'],
  ['registry.example.com/', 'registry.example.com'],
  ['http://127.0.0.1:5000', '127.0.0.1:5000'],
])('the registry that a person writes as %s is %s', (written, registry) => {
  expect(registryHost(written)).toBe(registry);
});
