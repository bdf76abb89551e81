import { defineEvent } from '@waybill/sdk'
import { z } from 'zod'

// Only what the bindings read: GitHub adds fields as it likes.

const repository = z.looseObject({ full_name: z.string() })

export const issueOpened = defineEvent(
  'github.issues.opened',
  z.looseObject({
    issue: z.looseObject({
      number: z.int(),
      title: z.string(),
      labels: z.array(z.looseObject({ name: z.string() })).default([]),
    }),
    repository,
  }),
)

/** Ours: sent by one binding, handled by another. */
export const issueLabelled = defineEvent(
  'triage.labelled',
  z.object({ repository: z.string(), issue: z.int(), label: z.string() }),
)

export const pushed = defineEvent(
  'github.push',
  z.looseObject({
    ref: z.string(),
    deleted: z.boolean(),
    commits: z.array(z.looseObject({ id: z.string(), message: z.string() })),
    repository,
  }),
)

const pullRequest = z.looseObject({
  number: z.int(),
  pull_request: z.looseObject({ title: z.string(), draft: z.boolean().optional() }),
  repository,
})
export const pullRequestOpened = defineEvent('github.pull_request.opened', pullRequest)
export const pullRequestReady = defineEvent('github.pull_request.ready_for_review', pullRequest)
export const pullRequestDrafted = defineEvent('github.pull_request.converted_to_draft', pullRequest)

const release = z.looseObject({
  action: z.string(),
  release: z.looseObject({ tag_name: z.string(), prerelease: z.boolean() }),
  repository,
})
export const releasePublished = defineEvent('github.release.published', release)
export const releasePrereleased = defineEvent('github.release.prereleased', release)

const alert = z.looseObject({
  alert: z.looseObject({
    number: z.int(),
    rule: z.looseObject({ id: z.string(), severity: z.string().nullish() }),
  }),
  repository,
})
export const alertCreated = defineEvent('github.code_scanning_alert.created', alert)
export const alertReopened = defineEvent('github.code_scanning_alert.reopened', alert)

export const deployKeyCreated = defineEvent(
  'github.deploy_key.created',
  z.looseObject({ key: z.looseObject({ id: z.int(), title: z.string() }), repository }),
)

export const workflowCompleted = defineEvent(
  'github.workflow_run.completed',
  z.looseObject({
    workflow_run: z.looseObject({
      id: z.int(),
      run_number: z.int(),
      conclusion: z.string().nullish(),
    }),
    repository,
  }),
)
