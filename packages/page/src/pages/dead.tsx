import { Empty } from '../ui/notice.tsx'

export function Dead() {
  return <Empty title="This page is not built yet." />
}
