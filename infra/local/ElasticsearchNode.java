import java.io.InterruptedIOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * Starts one Elasticsearch node from the jars that are on Maven, without the distribution's own launcher.
 * Arguments: the folder for configuration, then settings as `name=value`. Stops on SIGTERM or SIGINT.
 */
public final class ElasticsearchNode {
    /** Seconds for requests in flight when the node stops. */
    private static final int DRAIN_SECONDS = 10;

    public static void main(String[] args) throws Exception {
        Path config = Path.of(args[0]);
        Settings.Builder builder = Settings.builder();
        for (int i = 1; i < args.length; i++) {
            String[] setting = args[i].split("=", 2);
            builder.put(setting[0], setting[1]);
        }
        Settings settings = builder.build();
        LogConfigurator.configureWithoutConfig(settings);
        LogConfigurator.configureESLogging();
        Path modules = Path.of(settings.get("path.home"), "modules");
        PluginsLoader plugins = PluginsLoader.createPluginsLoader(
            PluginsLoader.loadModulesBundles(modules), Set.of(), Map.of(), false);
        Node node = new Node(new Environment(settings, config), plugins);
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.prepareForClose();
                node.close();
                if (!node.awaitClose(DRAIN_SECONDS, TimeUnit.SECONDS)) throw new InterruptedIOException("still busy");
            } catch (Exception error) {
                System.err.println("The node did not close cleanly: " + error);
            } finally {
                stopped.countDown();
            }
        }));
        node.start();
        stopped.await();
    }
}
