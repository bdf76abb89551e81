import { setTimeout as pause } from 'node:timers/promises'
import { defineApp, defineBinding, PermanentError } from '@waybill/sdk'
import {
  alertCreated,
  alertReopened,
  deployKeyCreated,
  issueLabelled,
  issueOpened,
  pullRequestDrafted,
  pullRequestOpened,
  pullRequestReady,
  pushed,
  releasePrereleased,
  releasePublished,
  workflowCompleted,
} from './events.ts'

/** Sends a follow-up event, which `announce-label` handles. */
const labelIssue = defineBinding({
  id: 'label-issue',
  on: issueOpened,
  handler: async ({ data, send }) => {
    const label = /spelling|typo|readme/i.test(data.issue.title) ? 'documentation' : 'needs-triage'
    const repository = data.repository.full_name
    await send(issueLabelled, { repository, issue: data.issue.number, label })
    return { label }
  },
})

const announceLabel = defineBinding({
  id: 'announce-label',
  on: issueLabelled,
  input: { label: 'event.data.label', issue: 'event.data.issue' },
  handler: ({ input }) => ({ said: `#${input.issue} is now ${input.label}` }),
})

/**
 * A filter in CEL: pushes that bring commits. The others are told which clause was false. Those of
 * one repository are handled one at a time, in the order in which they came.
 */
const summarisePush = defineBinding({
  id: 'summarise-push',
  on: pushed,
  when: 'event.data.ref.startsWith("refs/heads/") && !event.data.deleted && size(event.data.commits) > 0',
  key: 'event.data.repository.full_name',
  flow: { key: 'queue' },
  handler: ({ data }) => ({
    subjects: data.commits.map(({ message }) => message.split('\n', 1)[0]),
  }),
})

/** Asks somebody else whether it is wanted: an asynchronous predicate is recorded, never repeated. */
const requestReview = defineBinding({
  id: 'request-review',
  on: [pullRequestOpened, pullRequestReady, pullRequestDrafted],
  when: async ({ data }, { signal }) => {
    await pause(20, undefined, { signal }) // a directory of reviewers, far away
    return data.pull_request.draft === true
      ? { matched: false, reason: 'drafts are not reviewed' }
      : { matched: true }
  },
  timeouts: { predicate: '2s' },
  handler: ({ data }) => ({ asked: `review of #${data.number}: ${data.pull_request.title}` }),
})

/** Fails twice and succeeds: the third attempt has the same idempotency key as the first. */
const mirrorRelease = defineBinding({
  id: 'mirror-release',
  on: [releasePublished, releasePrereleased],
  retry: { attempts: 5, backoff: 'exponential', base: '50ms', factor: 2, cap: '1s' },
  handler: ({ data, attempt, idempotencyKey }) => {
    if (attempt < 3) throw new Error(`mirror answered 502 to attempt ${attempt}`)
    return { mirrored: data.release.tag_name, attempt, idempotencyKey }
  },
})

/** Never succeeds: dead-lettered after its attempts. The tracker takes 50 a second, so more wait. */
const fileAlert = defineBinding({
  id: 'file-alert',
  on: [alertCreated, alertReopened],
  priority: 'high',
  flow: { throttle: { max: 50, period: '1s' } },
  retry: { delays: ['100ms', '200ms'] },
  handler: ({ data }) => {
    throw new Error(`tracker refused alert ${data.alert.number}: connection reset`)
  },
})

/** Will never succeed and says so: dead-lettered at once. */
const rotateKey = defineBinding({
  id: 'rotate-key',
  on: deployKeyCreated,
  handler: ({ data }) => {
    throw new PermanentError(`key ${data.key.id} is not in the vault, so it can't be rotated`)
  },
})

/**
 * Takes its time, and stops when it is told to. Ten of a repository at a time, so that a busy one
 * leaves room for the others.
 */
const collectArtifacts = defineBinding({
  id: 'collect-artifacts',
  on: workflowCompleted,
  flow: { concurrency: [40, { max: 10, key: ({ data }) => data.repository.full_name }] },
  timeouts: { attempt: '5s' },
  handler: async ({ data, signal }) => {
    await pause(300, undefined, { signal })
    return {
      run: data.workflow_run.run_number,
      conclusion: data.workflow_run.conclusion ?? 'unknown',
    }
  },
})

/** Everything GitHub sends, schema or not. */
const archive = defineBinding({
  id: 'archive',
  on: 'github.>',
  priority: 'low',
  retry: 'svix',
  handler: ({ event }) => ({ archived: event.type }),
})

export const app = defineApp({
  name: 'triage',
  bindings: [
    labelIssue,
    announceLabel,
    summarisePush,
    requestReview,
    mirrorRelease,
    fileAlert,
    rotateKey,
    collectArtifacts,
    archive,
  ],
})
