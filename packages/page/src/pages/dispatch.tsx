import { Empty } from '../ui/notice.tsx'

export function Dispatch() {
  return <Empty title="This page is not built yet." />
}
