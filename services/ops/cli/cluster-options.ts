/** Which cluster a command is about, and which namespace of it. */
import { Option, type Command } from 'commander';

/** What the options of `withClusterOptions` give. */
export interface ClusterOptions {
  /** Of the context, or of the pod, when not given. */
  readonly namespace?: string;
  /** The current one when not given. */
  readonly context?: string;
}

/** Adds what each command needs that talks to a cluster. */
export const withClusterOptions = (command: Command): Command =>
  command.option('-n, --namespace <namespace>', "namespace; the context's own when not given").addOption(
    // Skaffold sets it for its hooks: they go where it deploys to, whatever the current context is.
    new Option('--context <context>', 'context of the kubeconfig; the current one when not given').env(
      'SKAFFOLD_KUBE_CONTEXT',
    ),
  );
