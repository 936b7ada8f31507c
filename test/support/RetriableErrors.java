import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.protocol.Errors;

/** Prints the codes of the broker's errors that Kafka's own clients take for passing. */
public class RetriableErrors {
  public static void main(String[] args) {
    for (Errors error : Errors.values()) {
      if (error.exception() instanceof RetriableException) System.out.println(error.code());
    }
  }
}
