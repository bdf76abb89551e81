import { type FormEvent, useState } from 'react'
import { type Problem, problemOf } from '../base/api.ts'
import { signIn } from '../base/session.ts'
import { ProblemNotice } from '../ui/notice.tsx'

export function SignIn({ onSignedIn }: { readonly onSignedIn: () => void }) {
  const [token, setToken] = useState('')
  const [problem, setProblem] = useState<Problem>()
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    signIn(token).then(onSignedIn, (thrown: unknown) => setProblem(problemOf(thrown)))
  }
  return (
    <main className="sign-in">
      <form onSubmit={submit}>
        <h1>Waybill</h1>
        <div className="field">
          <label htmlFor="token">Token</label>
          <input
            id="token"
            type="password"
            autoComplete="current-password"
            autoFocus
            required
            value={token}
            onChange={({ target }) => setToken(target.value)}
          />
        </div>
        <button type="submit" className="primary">
          Sign in
        </button>
        {problem && <ProblemNotice problem={problem} />}
      </form>
    </main>
  )
}
