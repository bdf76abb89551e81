import { Empty } from '../ui/notice.tsx'

export function Dispatches() {
  return <Empty title="This page is not built yet." />
}
